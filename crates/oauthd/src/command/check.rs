//! `oauthd check`.

use serde::Serialize;

use super::{Exit, Failure, Output};
use crate::check::{Finding, review};
use crate::cli::{CheckArgs, Common};
use crate::config::{Problem, Purpose, Settings};

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    /// What cannot be meant: the server does not start.
    problems: Vec<Line<'a>>,
    /// What is allowed but weak.
    findings: Vec<Line<'a>>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of the printed JSON")]
struct Line<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(problem: &'a Problem, rule: Option<&'a str>) -> Self {
        Self {
            key: problem.key(),
            line: problem.line(),
            message: problem.message(),
            rule,
        }
    }
}

pub(super) fn run(common: &Common, args: &CheckArgs) -> Result<Exit, Failure> {
    let output = Output::of(args.json);
    let settings = Settings::load(common.config.as_deref(), &common.overrides(&args.serve), Purpose::Serve);
    let settings = match settings {
        Ok(settings) => settings,
        Err(problems) if output == Output::Json => {
            let report = Report {
                problems: problems.iter().map(|problem| Line::of(problem, None)).collect(),
                findings: Vec::new(),
            };
            output.print(&report, String::new)?;
            return Ok(Exit::Usage);
        }
        Err(problems) => return Err(problems.into()),
    };
    let findings = review(&settings);
    let report = Report {
        problems: Vec::new(),
        findings: findings
            .iter()
            .map(|finding| Line::of(&finding.problem, Some(finding.rule)))
            .collect(),
    };
    output.print(&report, || in_words(&findings))?;
    Ok(if findings.is_empty() { Exit::Good } else { Exit::Failed })
}

fn in_words(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "Nothing is weaker than RFC 9700 and OAuth 2.1 ask.\n".to_owned();
    }
    let mut lines: Vec<String> = findings
        .iter()
        .map(|finding| format!("{} ({})", finding.problem, finding.rule))
        .collect();
    lines.push(match findings.len() {
        1 => "1 thing is allowed but weak.\n".to_owned(),
        count => format!("{count} things are allowed but weak.\n"),
    });
    lines.join("\n")
}
