//! Client credentials grant (RFC 6749 §4.4).
