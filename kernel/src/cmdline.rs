//! Boot arguments.
//!
//! The command line is a list of words. `key=value` and bare `key` words
//! configure the kernel; everything behind a word `--` names the first program
//! and its arguments, and is never taken for configuration. When a key is
//! given twice, the last one counts, so that a user can append to a profile's
//! arguments.

/// A parsed view of a command line; parsing happens at each look-up, which
/// needs no memory and is done a handful of times at boot.
#[derive(Clone, Copy, Debug)]
pub struct BootArguments<'a>(&'a str);

impl<'a> BootArguments<'a> {
    /// Looks at `text` as a command line.
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    fn options(self) -> impl Iterator<Item = &'a str> {
        let words = self.0.split_ascii_whitespace();
        words.take_while(|word| *word != "--")
    }

    /// The value of the last `key=value` word.
    #[cfg(any(test, feature = "ktest"))]
    pub fn value(self, key: &str) -> Option<&'a str> {
        self.options()
            .filter_map(|word| word.split_once('='))
            .filter_map(|(name, value)| (name == key).then_some(value))
            .last()
    }

    /// The value of `key` as a decimal or `0x` number; `None` when it is
    /// missing or is not a number.
    #[cfg(any(test, feature = "ktest"))]
    pub fn number(self, key: &str) -> Option<u64> {
        let text = self.value(key)?;
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    }

    /// Whether the bare word `key` is there.
    pub fn flag(self, key: &str) -> bool {
        self.options().any(|word| word == key)
    }

    /// The words behind `--`: a program of the initrd and its arguments.
    /// Empty when no program was named.
    #[cfg(any(test, feature = "ktest"))]
    pub fn program(self) -> impl Iterator<Item = &'a str> {
        let mut words = self.0.split_ascii_whitespace();
        words.by_ref().find(|word| *word == "--");
        words
    }

    /// The whole line, as the machine handed it over.
    #[cfg(any(test, feature = "ktest"))]
    pub fn text(self) -> &'a str {
        self.0
    }
}

/// The machine's command line; the machine must have been discovered.
pub fn arguments() -> BootArguments<'static> {
    BootArguments::new(crate::machine::machine().command_line())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn options_end_at_the_program() {
        let line = BootArguments::new("once test.seed=0x10 -- exit 7 test.seed=3 flag");
        assert_eq!(line.number("test.seed"), Some(16));
        assert!(line.flag("once"));
        assert!(!line.flag("flag"));
        assert_eq!(
            line.program().collect::<Vec<_>>(),
            ["exit", "7", "test.seed=3", "flag"]
        );
    }

    #[test]
    fn the_last_word_wins_and_prefixes_do_not_match() {
        let line = BootArguments::new(" a=1  a=2 ab=3 b ");
        assert_eq!(line.value("a"), Some("2"));
        assert_eq!(line.value("b"), None);
        assert!(line.flag("b") && !line.flag("a"));
        assert_eq!(line.program().next(), None);
    }

    #[test]
    fn values_that_are_no_numbers_are_refused() {
        let line = BootArguments::new("n=12x m=0x h=0xFF big=99999999999999999999 e=");
        assert_eq!(line.number("n"), None);
        assert_eq!(line.number("m"), None);
        assert_eq!(line.number("h"), Some(255));
        assert_eq!(line.number("big"), None);
        assert_eq!(line.value("e"), Some(""));
    }
}
