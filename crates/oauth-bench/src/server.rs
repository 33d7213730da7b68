//! The servers that are compared.

use std::fs;
use std::path::PathBuf;

use crate::daemon;
use crate::line::Target;
use crate::process::Process;
use crate::workload::Workload;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// The measure of all others.
    Floor,
    /// The toolkit's engine and axum adapter on the memory store, with nothing around them.
    Engine,
    /// The same on the SQLite store.
    EngineSqlite,
    /// `oauthd` on the memory store.
    Oauthd,
    /// `oauthd` on the SQLite store.
    OauthdSqlite,
}

/// A running server, and the directory of its files, which goes away with it.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) target: Target,
    _files: Directory,
}

impl Server {
    pub(crate) const ALL: [Self; 5] = [
        Self::Floor,
        Self::Engine,
        Self::EngineSqlite,
        Self::Oauthd,
        Self::OauthdSqlite,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Engine => "engine",
            Self::EngineSqlite => "engine-sqlite",
            Self::Oauthd => "oauthd",
            Self::OauthdSqlite => "oauthd-sqlite",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.name() == name)
    }

    /// Whether the server has what the workload asks for. A resource is the application's own, so `oauthd serve` has none.
    pub(crate) fn serves(self, workload: Workload) -> bool {
        workload != Workload::Resource || !matches!(self, Self::Oauthd | Self::OauthdSqlite)
    }

    /// Starts the server in a directory of its own.
    pub(crate) fn start(self) -> Result<Running, String> {
        let own = std::env::current_exe().map_err(|error| format!("this program cannot find itself: {error}"))?;
        let files = Directory::create(self.name())?;
        let database = files.0.join("oauth.db");
        let process = match self {
            Self::Floor => Process::start(&own, &["floor"]),
            Self::Engine => Process::start(&own, &["engine"]),
            Self::EngineSqlite => Process::start(&own, &["engine", &database.display().to_string()]),
            Self::Oauthd | Self::OauthdSqlite => {
                let store = match self {
                    Self::OauthdSqlite => daemon::sqlite(&database),
                    _ => "memory:".to_owned(),
                };
                let file = files.0.join("oauthd.toml");
                fs::write(&file, daemon::configuration(&store))
                    .map_err(|error| format!("{}: {error}", file.display()))?;
                // It lies beside this program, because cargo built both.
                Process::start(
                    &own.with_file_name("oauthd"),
                    &["serve", "--config", &file.display().to_string()],
                )
            }
        }?;
        let mut target = Target {
            address: process.address,
            cookies: None,
        };
        target.cookies = daemon::sign_in(&target)?;
        Ok(Running {
            process,
            target,
            _files: files,
        })
    }
}

/// A directory for the files of one server, removed when it is no longer needed.
struct Directory(PathBuf);

impl Directory {
    fn create(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("oauth-bench-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
