//! What a quick action is asked to do. Names and meanings are those of Cloudflare's API; whatever is not here is refused by name.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Uri;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Failed;
use super::rules::Rules;

/// How long a page may take to load, unless told otherwise, and at most.
const NAVIGATION_MS: (u64, u64) = (30_000, 60_000);
/// The same of an element that is waited for, and of what is done to a page that is there.
const WAIT_MS: (u64, u64) = (30_000, 120_000);
const ACTION_MS: (u64, u64) = (60_000, 120_000);
/// How much of a page is seen unless told otherwise.
const VIEWPORT: (u32, u32) = (1920, 1080);
/// The longest side of what is seen, and the most points of a picture.
const MAX_SIDE: u32 = 16_384;
pub(super) const MAX_POINTS: f64 = 64.0 * 1024.0 * 1024.0;
const MAX_SCALE: f64 = 8.0;
/// The most scripts, style sheets, cookies, headers, or selectors of one request.
pub(super) const MAX_ENTRIES: usize = 100;
/// How long somebody could keep a result of Cloudflare's.
const MAX_CACHE_SECONDS: f64 = 86_400.0;

/// What all actions have in common.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Common {
    pub(super) url: Option<String>,
    pub(super) html: Option<String>,
    pub(super) add_script_tag: Option<Vec<Tag>>,
    pub(super) add_style_tag: Option<Vec<StyleTag>>,
    pub(super) authenticate: Option<Credentials>,
    pub(super) cookies: Option<Vec<Cookie>>,
    pub(super) emulate_media_type: Option<String>,
    goto_options: Option<Goto>,
    reject_request_pattern: Option<Vec<String>>,
    allow_request_pattern: Option<Vec<String>>,
    reject_resource_types: Option<Vec<String>>,
    allow_resource_types: Option<Vec<String>>,
    #[serde(rename = "setExtraHTTPHeaders")]
    pub(super) headers: Option<BTreeMap<String, String>>,
    pub(super) set_java_script_enabled: Option<bool>,
    pub(super) user_agent: Option<String>,
    pub(super) viewport: Option<Viewport>,
    pub(super) wait_for_selector: Option<WaitFor>,
    wait_for_timeout: Option<f64>,
    best_attempt: Option<bool>,
    action_timeout: Option<f64>,
    #[serde(rename = "cacheTTL")]
    cache_ttl: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tag {
    pub(super) content: Option<String>,
    pub(super) url: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StyleTag {
    pub(super) content: Option<String>,
    pub(super) url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
}

#[derive(Debug, Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Cookie {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_scheme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_port: Option<i32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Goto {
    timeout: Option<f64>,
    wait_until: Option<OneOrMore>,
    referer: Option<String>,
    referrer_policy: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Viewport {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) device_scale_factor: Option<f64>,
    pub(super) is_mobile: Option<bool>,
    pub(super) is_landscape: Option<bool>,
    pub(super) has_touch: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitFor {
    pub(super) selector: String,
    pub(super) hidden: Option<bool>,
    pub(super) visible: Option<bool>,
    timeout: Option<f64>,
}

/// Where a page comes from.
#[derive(Debug)]
pub(super) enum Source {
    Url(String),
    Html(String),
}

/// How a page is loaded.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) timeout: Duration,
    /// What has to have happened, as the protocol calls it.
    pub(super) events: Vec<&'static str>,
    pub(super) referrer: Option<String>,
    pub(super) referrer_policy: Option<String>,
}

impl Common {
    pub(super) fn source(&mut self) -> Result<Source, Failed> {
        match (self.url.take(), self.html.take()) {
            (Some(url), None) => {
                let uri: Result<Uri, _> = url.parse();
                let is_page = uri.is_ok_and(|uri| {
                    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
                });
                match is_page {
                    true => Ok(Source::Url(url)),
                    false => Err(Failed::asked(format!(
                        "url: {url:?} is no address that begins with http:// or https://"
                    ))),
                }
            }
            (None, Some(html)) => Ok(Source::Html(html)),
            (None, None) => Err(Failed::asked("one of `url` and `html` must be set")),
            (Some(_), Some(_)) => Err(Failed::asked("`url` and `html` cannot both be set")),
        }
    }

    pub(super) fn loading(&mut self) -> Result<Loading, Failed> {
        let goto = self.goto_options.take().unwrap_or_default();
        let names = match goto.wait_until {
            None => vec!["domcontentloaded".to_owned()],
            Some(OneOrMore::One(name)) => vec![name],
            Some(OneOrMore::More(names)) => names,
        };
        let event = |name: &String| match name.as_str() {
            "load" => Ok("load"),
            "domcontentloaded" => Ok("DOMContentLoaded"),
            "networkidle0" => Ok("networkIdle"),
            "networkidle2" => Ok("networkAlmostIdle"),
            other => Err(Failed::asked(format!(
                "gotoOptions.waitUntil: there is no {other:?}, but load, domcontentloaded, networkidle0 and networkidle2"
            ))),
        };
        Ok(Loading {
            timeout: time("gotoOptions.timeout", goto.timeout, NAVIGATION_MS)?,
            events: names.iter().map(event).collect::<Result<_, _>>()?,
            referrer: goto.referer,
            referrer_policy: goto.referrer_policy.map(|policy| camel(&policy)),
        })
    }

    pub(super) fn rules(&self) -> Result<Rules, Failed> {
        Rules::new(
            self.reject_request_pattern.as_deref(),
            self.allow_request_pattern.as_deref(),
            self.reject_resource_types.as_deref(),
            self.allow_resource_types.as_deref(),
        )
    }

    /// What is looked at where nothing else says so, and the same checked.
    pub(super) fn viewport(&self) -> Result<Viewport, Failed> {
        let Some(viewport) = &self.viewport else {
            let (width, height) = VIEWPORT;
            return Ok(Viewport {
                width,
                height,
                device_scale_factor: None,
                is_mobile: None,
                is_landscape: None,
                has_touch: None,
            });
        };
        let scale = viewport.device_scale_factor.unwrap_or(1.0);
        let sides = [viewport.width, viewport.height];
        if sides.iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
            return Err(Failed::asked(format!(
                "viewport: a side has 1 to {MAX_SIDE} pixels"
            )));
        }
        if !(scale > 0.0 && scale <= MAX_SCALE) {
            return Err(Failed::asked(format!(
                "viewport.deviceScaleFactor is more than 0 and at most {MAX_SCALE}"
            )));
        }
        check_points(
            "viewport",
            f64::from(viewport.width),
            f64::from(viewport.height),
            scale,
        )?;
        Ok(*viewport)
    }

    pub(super) fn scale(&self) -> f64 {
        let scale = self
            .viewport
            .as_ref()
            .and_then(|seen| seen.device_scale_factor);
        scale.unwrap_or(1.0)
    }

    pub(super) fn pause(&self) -> Result<Option<Duration>, Failed> {
        let Some(wish) = self.wait_for_timeout else {
            return Ok(None);
        };
        time("waitForTimeout", Some(wish), WAIT_MS).map(Some)
    }

    pub(super) fn action_timeout(&self) -> Result<Duration, Failed> {
        time("actionTimeout", self.action_timeout, ACTION_MS)
    }

    pub(super) fn is_best_attempt(&self) -> bool {
        self.best_attempt.unwrap_or_default()
    }

    /// What cannot be, before a browser is started for it.
    pub(super) fn check(&self) -> Result<(), Failed> {
        // Every page is loaded when it is asked for, which is no older than anybody wants.
        if let Some(seconds) = self.cache_ttl
            && !(0.0..=MAX_CACHE_SECONDS).contains(&seconds)
        {
            return Err(Failed::asked(format!(
                "cacheTTL is 0 to {MAX_CACHE_SECONDS} seconds"
            )));
        }
        if self.set_java_script_enabled == Some(false) && self.add_script_tag.is_some() {
            return Err(Failed::asked(
                "addScriptTag: there is no script where `setJavaScriptEnabled` is false",
            ));
        }
        let scripts = self.add_script_tag.iter().flatten();
        let styles = self.add_style_tag.iter().flatten();
        let tags = scripts
            .map(|tag| (&tag.url, &tag.content, "addScriptTag"))
            .chain(styles.map(|tag| (&tag.url, &tag.content, "addStyleTag")));
        for (url, content, option) in tags {
            if url.is_some() == content.is_some() {
                return Err(Failed::asked(format!(
                    "{option}: one of `url` and `content` must be set"
                )));
            }
        }
        let counts = [
            ("addScriptTag", self.add_script_tag.as_ref().map(Vec::len)),
            ("addStyleTag", self.add_style_tag.as_ref().map(Vec::len)),
            ("cookies", self.cookies.as_ref().map(Vec::len)),
            (
                "setExtraHTTPHeaders",
                self.headers.as_ref().map(BTreeMap::len),
            ),
        ];
        for (option, count) in counts {
            check_count(option, count.unwrap_or_default())?;
        }
        Ok(())
    }
}

impl WaitFor {
    pub(super) fn timeout(&self) -> Result<Duration, Failed> {
        time("waitForSelector.timeout", self.timeout, WAIT_MS)
    }
}

/// A picture that fits into memory.
pub(super) fn check_points(what: &str, width: f64, height: f64, scale: f64) -> Result<(), Failed> {
    match width * height * scale * scale <= MAX_POINTS {
        true => Ok(()),
        false => Err(Failed::page(format!(
            "{what}: a picture of {width} x {height} pixels with the scale {scale} has more than {MAX_POINTS} points"
        ))),
    }
}

pub(super) fn check_count(option: &str, count: usize) -> Result<(), Failed> {
    match count <= MAX_ENTRIES {
        true => Ok(()),
        false => Err(Failed::asked(format!(
            "{option} has more than {MAX_ENTRIES} entries"
        ))),
    }
}

/// A time in milliseconds, which is the first of these by default, and at most the second.
pub(super) fn time(
    option: &str,
    wish: Option<f64>,
    (usual, most): (u64, u64),
) -> Result<Duration, Failed> {
    match wish {
        None => Ok(Duration::from_millis(usual)),
        Some(wish) if wish >= 0.0 && wish <= most as f64 => Ok(Duration::from_millis(wish as u64)),
        Some(wish) => Err(Failed::asked(format!(
            "{option} is 0 to {most} milliseconds, and not {wish}"
        ))),
    }
}

/// Takes the options that only some actions have out of a request, and reads both kinds.
pub(super) fn split<T: DeserializeOwned>(
    mut fields: Map<String, Value>,
    own: &[&str],
) -> Result<(Common, T), Failed> {
    let mut special = Map::new();
    for name in own {
        if let Some(value) = fields.remove(*name) {
            special.insert((*name).to_owned(), value);
        }
    }
    let special = read(special)?;
    Ok((read(fields)?, special))
}

fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Failed> {
    let unsupported = |error: serde_json::Error| {
        let text = error.to_string();
        Failed::asked(match text.split_once("unknown field `") {
            Some((_, rest)) => {
                let (name, _) = rest.split_once('`').unwrap_or((rest, ""));
                format!("`{name}` is not an option of this quick action here")
            }
            None => text,
        })
    };
    let mut left = Map::new();
    for (name, value) in fields {
        // One at a time, so that an error says where it is.
        if !value.is_null() {
            left.insert(name, value);
        }
    }
    serde_json::from_value(Value::Object(left)).map_err(unsupported)
}

/// `no-referrer` as `noReferrer`.
fn camel(text: &str) -> String {
    let mut parts = text.split('-');
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut characters = part.chars();
        made.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        made.push_str(characters.as_str());
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        #[serde(default)]
        mine: bool,
    }

    fn read(value: Value) -> Result<(Common, Own), String> {
        let Value::Object(fields) = value else {
            panic!("options are an object");
        };
        split(fields, &["mine"]).map_err(|failed| failed.message)
    }

    fn refused<T: std::fmt::Debug>(
        value: Value,
        look: impl Fn(&mut Common) -> Result<T, Failed>,
    ) -> String {
        let (mut common, _) = read(value).unwrap();
        look(&mut common).unwrap_err().message
    }

    #[test]
    fn an_option_that_is_not_there_is_named() {
        assert!(
            read(json!({ "url": "http://a/", "mine": true }))
                .unwrap()
                .1
                .mine
        );
        let named = |value| read(value).unwrap_err();
        assert!(named(json!({ "url": "http://a/", "other": 1 })).contains("`other`"));
        assert!(named(json!({ "gotoOptions": { "until": 1 } })).contains("`until`"));
        assert!(
            named(json!({ "cookies": [{ "name": "a", "value": "b", "partitionKey": "c" }] }))
                .contains("`partitionKey`")
        );
        assert!(read(json!({ "userAgent": null })).is_ok());
    }

    #[test]
    fn there_is_one_page_and_it_comes_over_http() {
        let source = |value| refused(value, Common::source);
        assert_eq!(source(json!({})), "one of `url` and `html` must be set");
        assert!(source(json!({ "url": "http://a/", "html": "" })).contains("both"));
        for url in [
            "file:///etc/passwd",
            "chrome://version",
            "a",
            "data:text/html,a",
        ] {
            assert!(source(json!({ "url": url })).contains("http://"), "{url}");
        }
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let check = |value| refused(value, |common| common.check());
        assert!(check(json!({ "cacheTTL": 86_401 })).contains("cacheTTL"));
        assert!(check(json!({ "addStyleTag": [{}] })).contains("addStyleTag"));
        assert!(
            refused(json!({ "waitForTimeout": 120_001 }), |common| common
                .pause())
            .contains("waitForTimeout")
        );
        assert!(
            refused(
                json!({ "gotoOptions": { "timeout": 60_001 } }),
                Common::loading
            )
            .contains("timeout")
        );
        assert!(
            refused(
                json!({ "gotoOptions": { "waitUntil": "never" } }),
                Common::loading
            )
            .contains("waitUntil")
        );
        let view = |width: u32, scale: f64| {
            let value = json!({ "viewport": { "width": width, "height": 16_384, "deviceScaleFactor": scale } });
            refused(value, |common| common.viewport())
        };
        assert!(view(0, 1.0).contains("viewport"));
        assert!(view(16_384, 1.0).contains("points"));
        assert!(view(10, 9.0).contains("deviceScaleFactor"));
    }

    #[test]
    fn a_policy_is_written_as_the_protocol_has_it() {
        assert_eq!(
            camel("strict-origin-when-cross-origin"),
            "strictOriginWhenCrossOrigin"
        );
    }
}
