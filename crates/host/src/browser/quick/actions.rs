//! What is looked at.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::capture::{self, Encoding, Pdf, Screenshot};
use super::extract::Question;
use super::options::{Common, check_count, split};
use super::tab::Tab;
use super::{Failed, Given, MAX_TEXT};
use crate::fetcher::Fetcher;

const CONTENT: &str = include_str!("scripts/content.js");
const LINKS: &str = include_str!("scripts/links.js");
const MARKDOWN: &str = include_str!("scripts/markdown.js");
const SCRAPE: &str = include_str!("scripts/scrape.js");

/// The number that Cloudflare's API has for a page that cannot become Markdown.
const NO_MARKDOWN: u32 = 2012;

/// What is made of a page.
pub(super) enum Action {
    Content,
    Markdown,
    Json(Question),
    Links(Links),
    Scrape(Scrape),
    Screenshot(ScreenshotOptions),
    Pdf(Pdf),
    Snapshot(Snapshot),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
pub(super) struct Links {
    visible_links_only: bool,
    exclude_external_links: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scrape {
    elements: Vec<Element>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Element {
    selector: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ScreenshotOptions {
    selector: Option<String>,
    scroll_page: bool,
    screenshot_options: Screenshot,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct PdfOptions {
    pdf_options: Pdf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Snapshot {
    formats: Option<Vec<Format>>,
    screenshot_options: Screenshot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Format {
    Content,
    Screenshot,
    Markdown,
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match name.as_str() {
            "content" => Ok(Self::Content),
            "screenshot" => Ok(Self::Screenshot),
            "markdown" => Ok(Self::Markdown),
            other => Err(serde::de::Error::custom(format!(
                "formats: there is no {other:?} here, but content, screenshot and markdown"
            ))),
        }
    }
}

impl Action {
    /// Reads what is asked for.
    pub(super) fn read(name: &str, fields: Map<String, Value>) -> Result<(Common, Self), Failed> {
        let plain = |action: Self| {
            move |fields| {
                let (common, Nothing {}) = split(fields, &[])?;
                Ok((common, action))
            }
        };
        match name {
            "content" => plain(Self::Content)(fields),
            "markdown" => plain(Self::Markdown)(fields),
            "json" => {
                let (common, own) = split(fields, &["prompt", "response_format", "custom_ai"])?;
                Ok((common, Self::Json(own)))
            }
            "links" => {
                let (common, own) = split(fields, &["visibleLinksOnly", "excludeExternalLinks"])?;
                Ok((common, Self::Links(own)))
            }
            "scrape" => {
                let (common, own) = split(fields, &["elements"])?;
                Ok((common, Self::Scrape(own)))
            }
            "screenshot" => {
                let own = ["selector", "scrollPage", "screenshotOptions"];
                let (common, own) = split(fields, &own)?;
                Ok((common, Self::Screenshot(own)))
            }
            "pdf" => {
                let (common, own): (_, PdfOptions) = split(fields, &["pdfOptions"])?;
                Ok((common, Self::Pdf(own.pdf_options)))
            }
            "snapshot" => {
                let (common, own) = split(fields, &["formats", "screenshotOptions"])?;
                Ok((common, Self::Snapshot(own)))
            }
            other => Err(Failed::asked(format!(
                "there is no quick action {other:?} here, but content, screenshot, pdf, markdown, snapshot, scrape, json \
                 and links"
            ))),
        }
    }

    /// What is wrong with it before there is a page.
    pub(super) fn check(&self, has_model: bool) -> Result<(), Failed> {
        match self {
            Self::Json(question) => question.check(has_model),
            Self::Scrape(scrape) if scrape.elements.is_empty() => {
                Err(Failed::asked("elements: at least one is needed"))
            }
            Self::Scrape(scrape) => check_count("elements", scrape.elements.len()),
            Self::Screenshot(options) => options
                .screenshot_options
                .check(options.selector.as_deref()),
            Self::Pdf(pdf) => {
                pdf.timeout()?;
                pdf.params().map(drop)
            }
            Self::Snapshot(snapshot) => snapshot.check(),
            Self::Content | Self::Markdown | Self::Links(_) => Ok(()),
        }
    }

    /// Looks at a page.
    pub(super) async fn look(&self, tab: &mut Tab, common: &Common) -> Result<Given, Failed> {
        Ok(match self {
            Self::Content => {
                let mut read = tab.run(CONTENT, &json!(MAX_TEXT)).await?;
                let meta = json!({ "status": tab.status(), "title": read["title"] });
                Given::Json(json!({ "success": true, "result": read["html"].take(), "meta": meta }))
            }
            Self::Markdown | Self::Json(_) => {
                let mut read = markdown(tab).await?;
                Given::Json(json!({ "success": true, "result": read["text"].take() }))
            }
            Self::Links(links) => {
                let argument = json!({
                    "visibleLinksOnly": links.visible_links_only,
                    "excludeExternalLinks": links.exclude_external_links,
                    "limit": MAX_TEXT,
                });
                succeeded(tab.run(LINKS, &argument).await?)
            }
            Self::Scrape(scrape) => {
                let selectors = scrape.elements.iter().map(|element| &element.selector);
                let selectors: Vec<_> = selectors.collect();
                let argument = json!({ "selectors": selectors, "limit": MAX_TEXT });
                succeeded(tab.run(SCRAPE, &argument).await?)
            }
            Self::Screenshot(options) => options.take(tab, common).await?,
            Self::Pdf(pdf) => {
                let time = pdf.timeout()?;
                let printed = tokio::time::timeout(time, pdf.print(tab)).await;
                let printed = printed.map_err(|_| {
                    let text = format!(
                        "pdfOptions.timeout: it took longer than {} ms",
                        time.as_millis()
                    );
                    Failed::page(text)
                })?;
                Given::Bytes("application/pdf".to_owned(), bytes(&printed?)?)
            }
            Self::Snapshot(snapshot) => snapshot.take(tab, common).await?,
        })
    }

    /// What is done when the browser is gone.
    pub(super) async fn finish(
        &self,
        given: Given,
        model: &Arc<dyn Fetcher>,
    ) -> Result<Given, Failed> {
        match (self, given) {
            (Self::Json(question), Given::Json(read)) => {
                let text = read["result"].as_str().unwrap_or_default();
                Ok(succeeded(question.ask(text, model).await?))
            }
            (_, given) => Ok(given),
        }
    }
}

impl ScreenshotOptions {
    async fn take(&self, tab: &mut Tab, common: &Common) -> Result<Given, Failed> {
        if self.scroll_page {
            capture::scroll(tab).await?;
        }
        let options = &self.screenshot_options;
        let selector = self.selector.as_deref();
        let picture = options.take(tab, selector, common.scale()).await?;
        let kind = options.format.content_type();
        Ok(match options.encoding {
            Encoding::Binary => Given::Bytes(kind, bytes(&picture)?),
            Encoding::Base64 => Given::Text(format!("data:{kind};base64,{picture}")),
        })
    }
}

impl Snapshot {
    fn formats(&self) -> BTreeSet<Format> {
        match &self.formats {
            Some(formats) => formats.iter().copied().collect(),
            None => BTreeSet::from([Format::Content, Format::Screenshot]),
        }
    }

    fn check(&self) -> Result<(), Failed> {
        if self.formats().len() < 2 {
            return Err(Failed::asked(
                "formats: at least two different ones are needed",
            ));
        }
        if self.screenshot_options.encoding != Encoding::default() {
            let text = "screenshotOptions.encoding: the picture of a snapshot is in base64 always";
            return Err(Failed::asked(text));
        }
        self.screenshot_options.check(None)
    }

    async fn take(&self, tab: &mut Tab, common: &Common) -> Result<Given, Failed> {
        let formats = self.formats();
        let mut result = json!({});
        let mut content = tab.run(CONTENT, &json!(MAX_TEXT)).await?;
        if formats.contains(&Format::Content) {
            result["content"] = content["html"].take();
        }
        if formats.contains(&Format::Markdown) {
            result["markdown"] = markdown(tab).await?["text"].take();
        }
        if formats.contains(&Format::Screenshot) {
            let options = &self.screenshot_options;
            let picture = options.take(tab, None, common.scale()).await?;
            result["screenshot"] = json!(picture);
        }
        let meta = json!({ "status": tab.status(), "title": content["title"] });
        Ok(Given::Json(
            json!({ "success": true, "result": result, "meta": meta }),
        ))
    }
}

async fn markdown(tab: &mut Tab) -> Result<Value, Failed> {
    let read = tab.run(MARKDOWN, &json!(MAX_TEXT)).await;
    read.map_err(|failed| Failed {
        code: Some(NO_MARKDOWN),
        ..failed
    })
}

fn succeeded(result: Value) -> Given {
    Given::Json(json!({ "success": true, "result": result }))
}

fn bytes(base64: &str) -> Result<Vec<u8>, Failed> {
    Base64::decode_vec(base64)
        .map_err(|error| Failed::browser(format!("the browser said what is no base64: {error}")))
}
