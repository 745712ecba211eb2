//! Runs cargo and reads its message stream.
//!
//! The paths of what was built come from cargo's messages, never from a guess
//! at its folder layout. With [`Messages::Json`] every line is passed on
//! unchanged; else cargo renders diagnostics itself.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// How the user wants to see cargo's messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Messages {
    Human,
    Json,
}

/// An executable that cargo built.
pub struct Executable {
    pub name: String,
    pub is_test: bool,
    pub path: PathBuf,
}

/// Why a build did not happen.
pub enum Failure {
    /// Cargo ran, said why it failed, and had this exit status.
    Status(i32),
    /// Something else; nothing has been printed yet.
    Message(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Message(message)
    }
}

/// The cargo that runs this tool, else the first in the path.
pub fn command(directory: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(directory);
    command
}

/// Runs `cargo build` with `arguments` in `directory`.
pub fn build(
    directory: &Path,
    arguments: &[&str],
    messages: Messages,
) -> Result<Vec<Executable>, Failure> {
    let format = match messages {
        Messages::Human => "json-render-diagnostics",
        Messages::Json => "json",
    };
    let mut child = command(directory)
        .arg("build")
        .args(["--message-format", format])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut executables = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(|e| format!("cannot read cargo's messages: {e}"))?;
        if let Some(executable) = executable(&line) {
            executables.push(executable);
        }
        if messages == Messages::Json {
            // One write per line: two cargo processes may be passed on at once.
            let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
        }
    }
    let status = child
        .wait()
        .map_err(|e| format!("cargo did not end properly: {e}"))?;
    match status.code() {
        Some(0) => Ok(executables),
        Some(code) => Err(Failure::Status(code)),
        None => Err(Failure::Message(format!(
            "cargo was ended by a signal ({status})"
        ))),
    }
}

fn executable(line: &str) -> Option<Executable> {
    if !line.starts_with("{\"reason\":\"compiler-artifact\"") {
        return None;
    }
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message["executable"].as_str()?;
    let kind = message["target"]["kind"][0].as_str()?;
    (kind == "bin" || kind == "test").then(|| Executable {
        name: message["target"]["name"]
            .as_str()
            .unwrap_or_default()
            .into(),
        is_test: kind == "test",
        path: path.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_in_the_message_stream() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"t"},"executable":"/x/t"}"#;
        let found = executable(line).expect("an executable");
        assert_eq!((found.name.as_str(), found.is_test), ("t", true));
        assert!(executable(r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"l"},"executable":null}"#).is_none());
        assert!(executable(r#"{"reason":"build-finished","success":true}"#).is_none());
    }
}
