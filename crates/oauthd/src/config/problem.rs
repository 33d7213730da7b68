//! What is wrong with a configuration, and where.

use std::fmt;
use std::sync::Arc;

/// One thing that is wrong, with the place that a person goes to in order to mend it.
///
/// It is shown as `oauthd.toml:12: clients[0].redirect_uris[1]: http is for loopback only`. Values are not
/// repeated where they can be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    key: String,
    message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File { name: Arc<str>, line: Option<usize> },
    CommandLine,
}

impl Problem {
    /// In a file, at a line if it is known.
    pub(crate) fn in_file(
        name: &Arc<str>,
        line: Option<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            place: Place::File {
                name: Arc::clone(name),
                line,
            },
            key: key.into(),
            message: message.into(),
        }
    }

    /// In a flag or the environment variable that stands for it.
    pub(crate) fn in_flag(flag: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: Place::CommandLine,
            key: flag.into(),
            message: message.into(),
        }
    }

    /// The key that is at fault, such as `clients[0].redirect_uris[1]`; empty if it is the file as a whole.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The line, if it is one of a file.
    pub fn line(&self) -> Option<usize> {
        match self.place {
            Place::File { line, .. } => line,
            Place::CommandLine => None,
        }
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Place::File { name, line } = &self.place {
            f.write_str(name)?;
            if let Some(line) = line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All that is wrong with a configuration; never empty. Shown one a line, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `Ok` if there are none.
    ///
    /// # Errors
    /// The problems, sorted by line.
    pub(crate) fn none_of(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by_key(Problem::line);
        Err(Self(problems))
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
