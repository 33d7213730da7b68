//! `oauthd serve` and `oauthd demo`.

use super::{Exit, Failure};
use crate::check::review;
use crate::cli::{Common, DemoArgs, ServeArgs};
use crate::config::{Purpose, Settings};
use crate::demo::{Legacy, NotShown};
use crate::serve::NotServed;
use crate::telemetry::{Logging, log_to_stderr};

pub(super) async fn run(common: &Common, args: &ServeArgs) -> Result<Exit, Failure> {
    let settings = Settings::load(common.config.as_deref(), &common.overrides(args), Purpose::Serve)?;
    let _logging = begin_logging(common, "info")?;
    for finding in review(&settings) {
        tracing::warn!(rule = finding.rule, "{}", finding.problem);
    }
    crate::serve::serve(&settings).await?;
    Ok(Exit::Good)
}

pub(super) async fn demo(common: &Common, args: &DemoArgs) -> Result<Exit, Failure> {
    // Whoever tries it out reads what there is to try, not what was asked.
    let _logging = begin_logging(common, "warn")?;
    let legacy = if args.legacy { Legacy::Mounted } else { Legacy::Absent };
    crate::demo::demo(args.listen, legacy).await?;
    Ok(Exit::Good)
}

fn begin_logging(common: &Common, usually: &str) -> Result<Logging, Failure> {
    let level = common.log_level.as_deref().filter(|level| !level.is_empty());
    log_to_stderr(common.log_format.into(), level.unwrap_or(usually))
        .map_err(|why| Failure::usage(format_args!("--log-level (OAUTHD_LOG_LEVEL): {why}")))
}

impl From<NotServed> for Failure {
    fn from(error: NotServed) -> Self {
        match error {
            NotServed::NotAssembled(why) => Self::usage(why),
            error => Self::failed(error),
        }
    }
}

impl From<NotShown> for Failure {
    fn from(error: NotShown) -> Self {
        match error {
            NotShown::NotServed(error) => error.into(),
            NotShown::Settings(problems) => problems.into(),
            error @ NotShown::Entropy(_) => Self::failed(error),
        }
    }
}
