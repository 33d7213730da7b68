//! Refresh token grant with rotation and reuse detection (RFC 6749 §6, RFC 9700 §4.14).
