//! `lines`: how large the kernel is.
//!
//! Counted: every line of every Rust and assembly file of the kernel's package
//! and of the path crates linked into it that holds more than blanks and
//! comments. Not counted, because no kernel that ships has it: tests
//! (`cfg(test)`, the feature `ktest`), the stand-ins of the host (`loom`, targets
//! with an operating system), and, shown apart, the checks of test builds (the
//! feature `checks`). A `mod` declaration under such a condition takes its file
//! along. Code is expected in rustfmt's default form, so a line is a line. Text
//! inside string literals (inline assembly) counts, except blank lines and lines
//! that begin with `//`, the assembler's comment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cargo;

/// DESIGN.md: the whole kernel stays under this.
const LIMIT: usize = 15_000;

/// Budget per row of the report; whatever is not named here is "rest".
const BUDGETS: [(&str, &[&str], usize); 7] = [
    ("arch", &["arch"], 4_600),
    ("mm", &["mm"], 2_600),
    ("cap", &["cap"], 1_500),
    ("process, sched", &["process", "sched"], 3_000),
    ("ipc", &["ipc"], 1_800),
    (
        "syscall, inspect, trace",
        &["syscall", "inspect", "trace"],
        1_200,
    ),
    ("rest", &[], 300),
];

/// Whether a line of code is part of a kernel that ships.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Kernel,
    Checks,
    Test,
}

/// What the condition of an attribute `#[cfg(...)]` makes of the item behind it.
fn condition(line: &str) -> Part {
    let Some(text) = line.trim().strip_prefix("#[cfg(") else {
        return Part::Kernel;
    };
    let meets = |checks| holds(&mut text.trim_start(), checks) != Some(false);
    match (meets(false), meets(true)) {
        (true, _) => Part::Kernel,
        (false, true) => Part::Checks,
        (false, false) => Part::Test,
    }
}

/// Evaluates one predicate at the start of `text` for a kernel that ships, with or without the
/// feature `checks`; none if it depends on the architecture or on the profile.
fn holds(text: &mut &str, checks: bool) -> Option<bool> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    *text = rest.trim_start();
    if let Some(inside) = text.strip_prefix('(') {
        *text = inside.trim_start();
        let mut values = Vec::new();
        while !text.is_empty() && !text.starts_with(')') {
            values.push(holds(text, checks));
            *text = text.trim_start_matches([',', ' ']);
        }
        *text = text.strip_prefix(')').unwrap_or(text).trim_start();
        let any = |wanted| values.contains(&Some(wanted));
        let unknown = values.contains(&None);
        return match name {
            "not" => values.first().copied().flatten().map(|value| !value),
            "all" if any(false) => Some(false),
            "any" if any(true) => Some(true),
            _ if unknown => None,
            _ => Some(name == "all"),
        };
    }
    let mut value = "";
    if let Some(quoted) = text.strip_prefix('=') {
        let mut parts = quoted.splitn(3, '"');
        value = parts.nth(1).unwrap_or_default();
        *text = parts.next().unwrap_or_default().trim_start();
    }
    match (name, value) {
        ("target_os", value) => Some(value == "none"),
        ("feature", "checks") => Some(checks),
        ("feature" | "test" | "loom", _) => Some(false),
        _ => None,
    }
}

/// `cargo xtask lines`
pub fn run(root: &Path, by_file: bool) -> Result<(), String> {
    let mut subsystems: BTreeMap<String, usize> = BTreeMap::new();
    let mut checks = 0;
    for (package, folder) in linked_packages(root)? {
        let files = sources(&folder)?;
        let left_out = left_out(&files)?;
        for file in files {
            if left_out.iter().any(|(path, _)| file.starts_with(path)) {
                let text = fs::read_to_string(&file).unwrap_or_default();
                let is_check = left_out
                    .iter()
                    .any(|(p, check)| *check && file.starts_with(p));
                checks += if is_check { count(&text).0 } else { 0 };
                continue;
            }
            let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            let inside = file.strip_prefix(&folder).unwrap_or(&file);
            let parts: Vec<_> = inside
                .iter()
                .map(|p| p.to_string_lossy().into_owned())
                .collect();
            let subsystem = match parts.as_slice() {
                _ if package != "veridian-kernel" => package.clone(),
                [top, isa, _, ..] if top == "arch" => format!("arch/{isa}"),
                [top, _, ..] => top.clone(),
                _ => "top level".into(),
            };
            let (lines, in_checks) = count(&text);
            if by_file {
                println!("{lines:7}  {package}/{}", inside.display());
            }
            *subsystems.entry(subsystem).or_default() += lines;
            checks += in_checks;
        }
    }
    for (name, lines) in &subsystems {
        println!("{lines:7}  {name}");
    }
    println!();
    let total: usize = subsystems.values().sum();
    let mut named = 0;
    for (name, tops, budget) in BUDGETS {
        let of = |key: &str| tops.contains(&key.split('/').next().unwrap_or(key));
        let sum = subsystems
            .iter()
            .filter(|(key, _)| of(key))
            .map(|(_, n)| n)
            .sum();
        let lines: usize = if tops.is_empty() { total - named } else { sum };
        named += lines;
        let mark = if lines > budget {
            "  over its budget"
        } else {
            ""
        };
        println!("{lines:7} of {budget:6}  {name}{mark}");
    }
    println!("{total:7} of {LIMIT:6}  kernel");
    println!("{checks:7}            checks of test builds, not part of it");
    within_limit(total)
}

fn within_limit(total: usize) -> Result<(), String> {
    match total.checked_sub(LIMIT) {
        None | Some(0) => Ok(()),
        Some(over) => Err(format!(
            "the kernel has {total} lines, {over} more than its limit of {LIMIT}"
        )),
    }
}

/// Name and source folder of the kernel's package and of every path crate it links.
fn linked_packages(root: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let output = cargo::command(root)
        .args(["metadata", "--format-version", "1", "--offline"])
        .output()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
    let packages = list(&metadata["packages"]);
    let package = |id: &str| packages.iter().find(|p| p["id"] == id);
    let start = packages.iter().find(|p| p["name"] == "veridian-kernel");
    let mut pending = vec![
        start.ok_or("no package veridian-kernel")?["id"]
            .as_str()
            .unwrap_or_default(),
    ];
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    while let Some(id) = pending.pop() {
        let Some(package) = package(id).filter(|p| p["source"].is_null() && !seen.contains(&id))
        else {
            continue;
        };
        seen.push(id);
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let folder = manifest.parent().unwrap_or(manifest).join("src");
        found.push((
            package["name"].as_str().unwrap_or_default().to_owned(),
            folder,
        ));
        let node = list(&metadata["resolve"]["nodes"])
            .iter()
            .find(|n| n["id"] == id);
        for dependency in node.map(|n| list(&n["deps"])).unwrap_or_default() {
            if list(&dependency["dep_kinds"])
                .iter()
                .any(|k| k["kind"].is_null())
            {
                pending.extend(dependency["pkg"].as_str());
            }
        }
    }
    Ok(found)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|e| e.to_string())?.path();
        let extension = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if ["rs", "S", "s"].contains(&extension) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Files and folders of modules that no kernel that ships has, and whether they are checks.
fn left_out(files: &[PathBuf]) -> Result<Vec<(PathBuf, bool)>, String> {
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let shape = blank_comments(&text);
        let lines: Vec<&str> = shape.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            let part = condition(line);
            if part == Part::Kernel {
                continue;
            }
            let item = lines[at..=end_of_item(&lines, at)].join(" ");
            let Some((_, module)) = item
                .strip_suffix(';')
                .and_then(|item| item.rsplit_once(" mod "))
            else {
                continue;
            };
            let parent = file.parent().unwrap_or(file);
            let own = file.file_stem().unwrap_or_default();
            let holds = ["mod", "lib", "main"].iter().any(|name| own == *name);
            let folder = if holds {
                parent.to_owned()
            } else {
                parent.join(own)
            };
            found.push((folder.join(format!("{module}.rs")), part == Part::Checks));
            found.push((folder.join(module), part == Part::Checks));
        }
    }
    Ok(found)
}

/// Lines of code in one file: those that ship, and those of checks.
fn count(text: &str) -> (usize, usize) {
    let shape = blank_comments(text);
    let lines: Vec<&str> = shape.lines().collect();
    // In the shape, `//` survives only inside string literals.
    let is_code = |line: &&&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let (mut shipped, mut checks) = (0, 0);
    let mut at = 0;
    while at < lines.len() {
        let part = condition(lines[at]);
        let end = if part == Part::Kernel {
            at
        } else {
            end_of_item(&lines, at)
        };
        let code = lines[at..=end].iter().filter(is_code).count();
        match part {
            Part::Kernel => shipped += code,
            Part::Checks => checks += code,
            Part::Test => {}
        }
        at = end + 1;
    }
    (shipped, checks)
}

/// The last line of the item that the attribute at `start` belongs to.
fn end_of_item(lines: &[&str], start: usize) -> usize {
    let mut depth = 0i32;
    for (at, line) in lines.iter().enumerate().skip(start) {
        let text = if at == start {
            // The attribute's own brackets are balanced, so they nest nothing.
            line.trim()
        } else {
            line
        };
        for c in text.chars() {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth -= 1,
                ';' | ',' if depth == 0 => return at,
                _ => {}
            }
            if c == '}' && depth == 0 {
                return at;
            }
        }
    }
    lines.len() - 1
}

/// The text with every comment replaced by blanks. Literals are kept, except
/// that brackets and separators in them become dots: they nest nothing.
fn blank_comments(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut shape = String::with_capacity(text.len());
    let mut at = 0;
    let next = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let start = at;
        let rest = &chars[at..];
        if rest.starts_with(&['/', '/']) {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
            continue;
        }
        if rest.starts_with(&['/', '*']) {
            at = end_of_block_comment(&chars, at);
            shape.extend(chars[start..at].iter().filter(|c| **c == '\n'));
            continue;
        }
        if let Some(end) = end_of_literal(&chars, at) {
            let dot = |c: &char| if "{}()[];,".contains(*c) { '.' } else { *c };
            shape.extend(chars[at..end].iter().map(dot));
            at = end;
            continue;
        }
        // Identifiers whole, so that a literal's prefix is only seen at a word's start.
        while next(at).is_alphanumeric() || next(at) == '_' {
            at += 1;
        }
        at = at.max(start + 1);
        shape.extend(&chars[start..at]);
    }
    shape
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// The end of the string or character literal that begins at `start`, if one does.
fn end_of_literal(chars: &[char], start: usize) -> Option<usize> {
    let mut at = start;
    while at - start < 2 && matches!(chars.get(at), Some('b' | 'c' | 'r')) {
        at += 1;
    }
    let raw = at > start && chars[at - 1] == 'r';
    let hashes = if raw {
        chars[at..].iter().take_while(|c| **c == '#').count()
    } else {
        0
    };
    at += hashes;
    match chars.get(at)? {
        '"' if raw => {
            let close: Vec<char> = std::iter::once('"')
                .chain(std::iter::repeat_n('#', hashes))
                .collect();
            let found = chars[at + 1..]
                .windows(close.len())
                .position(|w| w == close);
            Some(found.map_or(chars.len(), |n| at + 1 + n + close.len()))
        }
        '"' => Some(end_of_escaped(chars, at, '"')),
        // A character; `'a` without a second quote is a lifetime.
        '\'' if chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'') => {
            Some(end_of_escaped(chars, at, '\''))
        }
        _ => None,
    }
}

fn end_of_escaped(chars: &[char], open: usize, quote: char) -> usize {
    let mut at = open + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

#[cfg(test)]
mod tests {
    fn count(text: &str) -> usize {
        super::count(text).0
    }

    #[test]
    fn blanks_and_comments_do_not_count() {
        assert_eq!(
            count("//! head\n\nfn a() {\n    // why\n    b(); // c\n}\n"),
            3
        );
        assert_eq!(count("/* one\n /* two */\n*/ fn a() {}\n"), 1);
    }

    #[test]
    fn one_line_too_many_fails() {
        assert_eq!(super::within_limit(super::LIMIT), Ok(()));
        let message = super::within_limit(super::LIMIT + 1).expect_err("above the limit");
        assert!(message.contains("1 more than its limit"), "{message}");
    }

    #[test]
    fn literals_are_not_comments() {
        assert_eq!(
            count("const A: &str = \"// no\";\nconst B: char = '\"'; // c\nlet c: &'a str = x;\n"),
            3
        );
        assert_eq!(
            count("asm!(r#\"\n    mov x0, x1\n\n    // comment\n    nop\"#);\n"),
            3
        );
    }

    #[test]
    fn conditions_are_evaluated_for_a_kernel_that_ships() {
        use super::{Part, condition};
        let part = |inside: &str| condition(&format!("#[cfg({inside})]"));
        assert_eq!(part("test"), Part::Test);
        assert_eq!(part("any(test, feature = \"checks\")"), Part::Checks);
        assert_eq!(
            part("all(feature = \"ktest\", target_os = \"none\")"),
            Part::Test
        );
        assert_eq!(part("not(target_os = \"none\")"), Part::Test);
        assert_eq!(part("not(any(test, loom))"), Part::Kernel);
        assert_eq!(
            part("all(target_os = \"none\", target_arch = \"x86_64\")"),
            Part::Kernel
        );
        assert_eq!(part("any(target_arch = \"x86_64\", test)"), Part::Kernel);
        assert_eq!(part("all(test, not(loom))"), Part::Test);
        assert_eq!(part("debug_assertions"), Part::Kernel);
        assert_eq!(condition("fn cfg() {}"), Part::Kernel);
    }

    #[test]
    fn test_items_do_not_count() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n        \"}\";\n    }\n}\nfn c() {}\n";
        assert_eq!(count(text), 2);
        assert_eq!(count("#[cfg(test)]\nmod tests;\nfn c() {}\n"), 1);
    }
}
