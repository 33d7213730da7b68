//! A server under measurement: a process of its own, pinned to a processor of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::listening::ANNOUNCEMENT;

/// The processor that servers run on; the generator runs on another.
const SERVER_PROCESSOR: &str = "0";

/// A running server; it is ended when this goes away.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Held so that the server does not write into a closed pipe.
    _output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a server and waits until it says where it listens.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Result<Self, String> {
        let mut child = Command::new("taskset")
            .args(["--cpu-list", SERVER_PROCESSOR])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("taskset (of util-linux) could not be started: {error}"))?;
        let announced = child
            .stdout
            .take()
            .ok_or_else(|| "a server has no output".to_owned())
            .and_then(|output| announcement(BufReader::new(output)));
        match announced {
            Ok((address, output)) => Ok(Self {
                child,
                address,
                _output: output,
            }),
            Err(message) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("{}: {message}", program.display()))
            }
        }
    }

    /// The processor time that all its threads have used.
    pub(crate) fn cpu_time(&self) -> Result<Duration, String> {
        let tasks = PathBuf::from(format!("/proc/{}/task", self.child.id()));
        let threads = fs::read_dir(&tasks).map_err(|error| format!("{}: {error}", tasks.display()))?;
        let mut nanoseconds = 0;
        for thread in threads.flatten() {
            // The first number is the time on a processor, in nanoseconds: `stat` has hundredths of seconds only.
            let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            let first = text.split(' ').next().and_then(|number| number.parse::<u64>().ok());
            nanoseconds += first.ok_or("the kernel keeps no schedstat")?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The most memory that it has held so far, in KiB.
    pub(crate) fn peak_memory(&self) -> Result<u64, String> {
        let text =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).map_err(|error| error.to_string())?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok())
            .ok_or_else(|| "the kernel does not tell the peak of memory".to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn announcement(mut output: BufReader<ChildStdout>) -> Result<(SocketAddr, BufReader<ChildStdout>), String> {
    let mut line = String::new();
    loop {
        line.clear();
        let read = output.read_line(&mut line).map_err(|error| error.to_string())?;
        if read == 0 {
            return Err("ended before it listened".to_owned());
        }
        if let Some(at) = line.find(ANNOUNCEMENT) {
            let address = line[at + ANNOUNCEMENT.len()..].trim();
            let address = address.parse().map_err(|_| format!("`{address}` is no address"))?;
            return Ok((address, output));
        }
    }
}
