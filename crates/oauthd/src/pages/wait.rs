//! How a person is told that there were too many attempts, and how long to wait.

use std::fmt;
use std::time::Duration;

/// `There were too many attempts. Try again in 40 seconds.`
pub(super) struct TooManyAttempts(pub(super) Duration);

impl fmt::Display for TooManyAttempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("There were too many attempts. Try again in ")?;
        match self.0.as_secs() {
            ..=1 => f.write_str("a second."),
            seconds @ 2..=90 => write!(f, "{seconds} seconds."),
            seconds => write!(f, "{} minutes.", seconds.div_ceil(60)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_the_unit_that_fits() {
        let told = |secs| TooManyAttempts(Duration::from_secs(secs)).to_string();
        assert!(told(0).ends_with("in a second."));
        assert!(told(40).ends_with("in 40 seconds."));
        assert!(told(91).ends_with("in 2 minutes."));
        assert!(told(600).ends_with("in 10 minutes."));
    }
}
