//! A page that is loaded as somebody wants it.

use std::time::Duration;

use serde_json::{Value, json};

use super::Failed;
use super::options::{Common, Loading, Source, Viewport};
use super::tab::{Around, Tab};
use crate::socket::SocketEnd;

/// How often a page is asked whether it has an element.
const FOUND_PAUSE: Duration = Duration::from_millis(50);

const ADD: &str = include_str!("scripts/add.js");
const FOUND: &str = include_str!("scripts/found.js");
const WRITE: &str = include_str!("scripts/write.js");

/// What is loaded, and how.
pub(super) struct Page {
    source: Source,
    loading: Loading,
    around: Around,
    viewport: Viewport,
    pause: Option<Duration>,
}

impl Page {
    /// What the options say, as far as that can be.
    pub(super) fn read(common: &mut Common) -> Result<Self, Failed> {
        common.check()?;
        common.action_timeout()?;
        if let Some(wait) = &common.wait_for_selector {
            wait.timeout()?;
        }
        let source = common.source()?;
        check_cookies(common, &source)?;
        Ok(Self {
            around: Around {
                rules: common.rules()?,
                credentials: common.authenticate.take(),
                commands: commands(common),
                ..Around::default()
            },
            loading: common.loading()?,
            viewport: common.viewport()?,
            pause: common.pause()?,
            source,
        })
    }

    /// Opens it in a browser of its own, and waits until it is as it is wanted.
    pub(super) async fn open(&mut self, socket: SocketEnd, common: &Common) -> Result<Tab, Failed> {
        let mut tab = Tab::open(socket).await?;
        tab.surround(std::mem::take(&mut self.around)).await?;
        self.emulate(&mut tab, common).await?;
        let is_best_attempt = common.is_best_attempt();
        let time = self.loading.timeout;
        match tokio::time::timeout(time, self.load(&mut tab)).await {
            Ok(loaded) => loaded?,
            Err(_) if is_best_attempt => {}
            Err(_) => {
                let text = format!(
                    "gotoOptions.timeout: the page was not there within {} ms",
                    time.as_millis()
                );
                return Err(Failed::page(text));
            }
        }
        let added = tokio::time::timeout(time, add(&mut tab, common)).await;
        match added {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) if is_best_attempt => {}
            Ok(Err(failed)) => return Err(failed),
            Err(_) => {
                let text = "what addScriptTag and addStyleTag name was not there in time";
                return Err(Failed::page(text));
            }
        }
        if let Some(wait) = &common.wait_for_selector {
            let argument = json!({
                "selector": wait.selector,
                "visible": wait.visible.unwrap_or_default(),
                "hidden": wait.hidden.unwrap_or_default(),
            });
            let time = wait.timeout()?;
            let found = tokio::time::timeout(time, find(&mut tab, &argument)).await;
            match found {
                Ok(found) => found?,
                Err(_) if is_best_attempt => {}
                Err(_) => {
                    return Err(Failed::page(format!(
                        "waitForSelector: {:?} was not there within {} ms",
                        wait.selector,
                        time.as_millis()
                    )));
                }
            }
        }
        if let Some(pause) = self.pause {
            tab.pause(pause).await?;
        }
        Ok(tab)
    }

    async fn emulate(&self, tab: &mut Tab, common: &Common) -> Result<(), Failed> {
        let Viewport {
            width,
            height,
            device_scale_factor,
            is_mobile,
            is_landscape,
            has_touch,
        } = self.viewport;
        let orientation = match is_landscape.unwrap_or_default() {
            true => json!({ "type": "landscapePrimary", "angle": 90 }),
            false => json!({ "type": "portraitPrimary", "angle": 0 }),
        };
        let metrics = json!({
            "width": width,
            "height": height,
            "deviceScaleFactor": device_scale_factor.unwrap_or(1.0),
            "mobile": is_mobile.unwrap_or_default(),
            "screenOrientation": orientation,
        });
        tab.call("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        if has_touch == Some(true) {
            let touch = json!({ "enabled": true });
            tab.call("Emulation.setTouchEmulationEnabled", touch)
                .await?;
        }
        if let Some(media) = &common.emulate_media_type {
            let media = json!({ "media": media });
            tab.call("Emulation.setEmulatedMedia", media).await?;
        }
        for cookie in common.cookies.iter().flatten() {
            let mut cookie = json!(cookie);
            if cookie["url"].is_null()
                && cookie["domain"].is_null()
                && let Source::Url(url) = &self.source
            {
                cookie["url"] = json!(url);
            }
            let name = cookie["name"].clone();
            let set = tab.call("Network.setCookie", cookie).await;
            set.map_err(|failed| Failed::asked(format!("cookies: {name}: {}", failed.message)))?;
        }
        Ok(())
    }

    async fn load(&self, tab: &mut Tab) -> Result<(), Failed> {
        match &self.source {
            Source::Url(url) => {
                let Loading {
                    referrer,
                    referrer_policy,
                    ..
                } = &self.loading;
                tab.navigate(url, referrer.as_deref(), referrer_policy.as_deref())
                    .await?;
            }
            Source::Html(html) => {
                // The empty page is there, and nothing of it is still to be told.
                tab.navigate("about:blank", None, None).await?;
                tab.reach(&["load"]).await?;
                tab.begin_anew();
                tab.run(WRITE, &json!(html)).await?;
            }
        }
        tab.reach(&self.loading.events).await
    }
}

/// A cookie belongs to somebody.
fn check_cookies(common: &Common, source: &Source) -> Result<(), Failed> {
    let mut cookies = common.cookies.iter().flatten();
    let is_homeless = cookies.any(|cookie| cookie.url.is_none() && cookie.domain.is_none());
    match source {
        Source::Html(_) if is_homeless => Err(Failed::asked(
            "cookies: one needs a `url` or a `domain` where the page is `html`",
        )),
        _ => Ok(()),
    }
}

/// What every process of the page is told before it begins.
fn commands(common: &Common) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    if let Some(headers) = &common.headers {
        let headers = json!({ "headers": headers });
        all.push(("Network.setExtraHTTPHeaders", headers));
    }
    if let Some(agent) = &common.user_agent {
        let agent = json!({ "userAgent": agent });
        all.push(("Network.setUserAgentOverride", agent));
    }
    if common.set_java_script_enabled == Some(false) {
        let off = json!({ "value": true });
        all.push(("Emulation.setScriptExecutionDisabled", off));
    }
    all
}

async fn add(tab: &mut Tab, common: &Common) -> Result<(), Failed> {
    for tag in common.add_style_tag.iter().flatten() {
        let argument = json!({ "tag": "style", "url": tag.url, "content": tag.content });
        tab.run(ADD, &without_nulls(argument)).await?;
    }
    for tag in common.add_script_tag.iter().flatten() {
        let argument = json!({
            "tag": "script", "url": tag.url, "content": tag.content, "type": tag.kind, "id": tag.id,
        });
        tab.run(ADD, &without_nulls(argument)).await?;
    }
    Ok(())
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

async fn find(tab: &mut Tab, argument: &Value) -> Result<(), Failed> {
    while tab.run(FOUND, argument).await? != true {
        tab.pause(FOUND_PAUSE).await?;
    }
    Ok(())
}
