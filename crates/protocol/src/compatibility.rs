//! The compatibility flags that Workers know.

/// Flags that are on here, or that turn something here on or off.
const IN_EFFECT: &str = include_str!("flags/in_effect.txt");
/// All other flags.
const WITHOUT_EFFECT: &str = include_str!("flags/without_effect.txt");
/// Flags that turn something on, each with the one that turns it off.
const OPPOSITES: &str = include_str!("flags/opposites.txt");

/// Whether it is a flag, and does something here.
#[must_use]
pub fn is_in_effect(flag: &str) -> bool {
    IN_EFFECT.lines().any(|known| known == flag)
}

/// All flags.
pub fn flags() -> impl Iterator<Item = &'static str> {
    IN_EFFECT.lines().chain(WITHOUT_EFFECT.lines())
}

/// What keeps a worker with these flags from starting, in the words of Workers, and which flag that is about.
#[must_use]
pub fn mistake(listed: &[String]) -> Option<(usize, String)> {
    let place = |wanted: &str| listed.iter().position(|flag| flag == wanted);
    for (index, flag) in listed.iter().enumerate() {
        if !flags().any(|known| known == flag) {
            return Some((index, format!("No such compatibility flag: {flag}")));
        }
        if place(flag) != Some(index) {
            let message = format!("Compatibility flag specified multiple times: {flag}");
            return Some((index, message));
        }
    }
    OPPOSITES.lines().find_map(|line| {
        let (on, off) = line.split_once(' ')?;
        let index = place(on)?.max(place(off)?);
        let message = format!("Compatibility flags are mutually contradictory: {on} vs {off}");
        Some((index, message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_is_listed_once_and_in_order() {
        for list in [IN_EFFECT, WITHOUT_EFFECT, OPPOSITES] {
            assert!(list.lines().is_sorted_by(|a, b| a < b));
        }
        for flag in IN_EFFECT.lines() {
            assert!(!WITHOUT_EFFECT.lines().any(|other| other == flag), "{flag}");
        }
        for flag in OPPOSITES.split_whitespace() {
            assert!(flags().any(|known| known == flag), "{flag}");
        }
    }

    #[test]
    fn mistakes_are_told_as_workers_tell_them() {
        let told =
            |flags: &[&str]| mistake(&flags.iter().map(|&flag| flag.into()).collect::<Vec<_>>());
        assert_eq!(told(&["nodejs_compat", "url_standard"]), None);
        let expected = [
            (
                &["nodejs_compat", "nope"][..],
                1,
                "No such compatibility flag: nope",
            ),
            (
                &["url_original", "nodejs_compat", "url_original"],
                2,
                "Compatibility flag specified multiple times: url_original",
            ),
            (
                &["no_nodejs_compat", "nodejs_compat"],
                1,
                "Compatibility flags are mutually contradictory: nodejs_compat vs no_nodejs_compat",
            ),
        ];
        for (flags, index, message) in expected {
            assert_eq!(told(flags), Some((index, message.to_owned())));
        }
    }
}
