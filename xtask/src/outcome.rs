//! How many tests passed, failed and were skipped.

use std::fmt;
use std::ops::AddAssign;

/// The outcome of tests, added up over everything that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Outcome {
    pub(crate) const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    pub(crate) const SKIPPED: Self = Self {
        passed: 0,
        failed: 0,
        skipped: 1,
    };

    /// Reads the line that ends the output of one test program:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.04s`.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |word: &str| {
            let mut parts = counts.split("; ").filter_map(|part| part.split_once(' '));
            parts.find(|(_, what)| *what == word)?.0.parse().ok()
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            skipped: count("ignored")?,
        })
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted() {
        let ok = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.04s";
        assert_eq!(
            Outcome::of_line(ok),
            Some(Outcome {
                passed: 3,
                failed: 0,
                skipped: 1
            })
        );
        let failed =
            "test result: FAILED. 12 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s";
        assert_eq!(
            Outcome::of_line(failed),
            Some(Outcome {
                passed: 12,
                failed: 4,
                skipped: 0
            })
        );
    }

    #[test]
    fn other_lines_count_for_nothing() {
        for line in [
            "",
            "test result: ok.",
            "test a::b ... ok",
            "running 3 tests",
            "test result: ok. x passed; 0 failed",
        ] {
            assert_eq!(Outcome::of_line(line), None, "{line}");
        }
    }

    #[test]
    fn the_summary_names_all_three() {
        let mut total = Outcome {
            passed: 10,
            failed: 0,
            skipped: 0,
        };
        total += Outcome::FAILED;
        total += Outcome::SKIPPED;
        assert_eq!(total.to_string(), "10 passed, 1 failed, 1 skipped");
    }
}
