//! Pictures and PDFs of a page.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Failed;
use super::options::{check_points, time};
use super::tab::Tab;

/// How long a PDF may take, unless told otherwise, and at most.
const PDF_MS: (u64, u64) = (30_000, 120_000);
/// How many screens of a page are gone through, and how long each is looked at, so that what comes late is there.
const MAX_SCREENS: u32 = 100;
const SCREEN_PAUSE: Duration = Duration::from_millis(50);
const POINTS_AN_INCH: f64 = 96.0;

const PLACE: &str = include_str!("scripts/place.js");
const SCROLL: &str = include_str!("scripts/scroll.js");

/// Options of a screenshot, as Puppeteer has them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Screenshot {
    #[serde(rename = "type", default)]
    pub(super) format: Format,
    #[serde(default)]
    pub(super) encoding: Encoding,
    quality: Option<f64>,
    full_page: Option<bool>,
    clip: Option<Clip>,
    omit_background: Option<bool>,
    optimize_for_speed: Option<bool>,
    capture_beyond_viewport: Option<bool>,
    from_surface: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Png,
    Jpeg,
    Webp,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }

    pub(super) fn content_type(self) -> String {
        format!("image/{}", self.name())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    #[default]
    Binary,
    Base64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clip {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    scale: Option<f64>,
}

/// Options of a PDF, as Puppeteer has them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Pdf {
    scale: Option<f64>,
    display_header_footer: Option<bool>,
    header_template: Option<String>,
    footer_template: Option<String>,
    print_background: Option<bool>,
    landscape: Option<bool>,
    page_ranges: Option<String>,
    format: Option<String>,
    width: Option<Length>,
    height: Option<Length>,
    #[serde(rename = "preferCSSPageSize")]
    prefer_css_page_size: Option<bool>,
    margin: Option<Margin>,
    omit_background: Option<bool>,
    tagged: Option<bool>,
    outline: Option<bool>,
    timeout: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Margin {
    top: Option<Length>,
    right: Option<Length>,
    bottom: Option<Length>,
    left: Option<Length>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Length {
    Points(f64),
    Text(String),
}

impl Screenshot {
    /// What is wrong with these before there is a page.
    pub(super) fn check(&self, selector: Option<&str>) -> Result<(), Failed> {
        if let Some(quality) = self.quality {
            if !(0.0..=100.0).contains(&quality) {
                return Err(Failed::asked("screenshotOptions.quality is 0 to 100"));
            }
            if matches!(self.format, Format::Png) {
                return Err(Failed::asked(
                    "screenshotOptions.quality: a png has none, but jpeg and webp",
                ));
            }
        }
        let ways = [
            self.clip.is_some(),
            self.full_page == Some(true),
            selector.is_some(),
        ];
        if ways.iter().filter(|is_set| **is_set).count() > 1 {
            return Err(Failed::asked(
                "only one of `selector`, `screenshotOptions.clip` and `screenshotOptions.fullPage` can be set",
            ));
        }
        Ok(())
    }

    /// Takes the picture. Gives it in base64.
    pub(super) async fn take(
        &self,
        tab: &mut Tab,
        selector: Option<&str>,
        scale: f64,
    ) -> Result<String, Failed> {
        let mut params = json!({ "format": self.format.name() });
        let clip = match (self.clip, selector, self.full_page) {
            (Some(clip), _, _) => Some(clip),
            (None, Some(_), _) => Some(clip(&tab.run(PLACE, &json!(selector)).await?)),
            (None, None, Some(true)) => {
                let measured = tab.call("Page.getLayoutMetrics", json!({})).await?;
                Some(clip(&measured["cssContentSize"]))
            }
            (None, None, _) => None,
        };
        if let Some(clip) = clip {
            let magnified = clip.scale.unwrap_or(1.0);
            check_points("screenshot", clip.width, clip.height, scale * magnified)?;
            params["clip"] = json!({
                "x": clip.x, "y": clip.y, "width": clip.width, "height": clip.height, "scale": magnified,
            });
        }
        let beyond = self.capture_beyond_viewport.unwrap_or(clip.is_some());
        params["captureBeyondViewport"] = json!(beyond);
        if let Some(quality) = self.quality {
            params["quality"] = json!(quality as u32);
        }
        if let Some(fast) = self.optimize_for_speed {
            params["optimizeForSpeed"] = json!(fast);
        }
        if let Some(surface) = self.from_surface {
            params["fromSurface"] = json!(surface);
        }
        if self.omit_background == Some(true) {
            clear_background(tab).await?;
        }
        data(tab.call("Page.captureScreenshot", params).await?)
    }
}

fn clip(place: &Value) -> Clip {
    let side = |name: &str| place[name].as_f64().unwrap_or_default();
    Clip {
        x: side("x"),
        y: side("y"),
        width: side("width"),
        height: side("height"),
        scale: None,
    }
}

/// Goes through the page from its beginning to its end, so that what is loaded when it is seen is there.
pub(super) async fn scroll(tab: &mut Tab) -> Result<(), Failed> {
    for _ in 0..MAX_SCREENS {
        let has_more = tab.run(SCROLL, &json!(false)).await?;
        tab.pause(SCREEN_PAUSE).await?;
        if has_more != true {
            break;
        }
    }
    tab.run(SCROLL, &json!(true)).await?;
    Ok(())
}

impl Pdf {
    /// How long it may take.
    pub(super) fn timeout(&self) -> Result<Duration, Failed> {
        time("pdfOptions.timeout", self.timeout, PDF_MS)
    }

    /// The protocol's words for it.
    pub(super) fn params(&self) -> Result<Value, Failed> {
        let (mut width, mut height) = match &self.format {
            Some(name) => paper(name)?,
            None => (8.5, 11.0),
        };
        if let Some(length) = &self.width {
            width = length.inches("pdfOptions.width")?;
        }
        if let Some(length) = &self.height {
            height = length.inches("pdfOptions.height")?;
        }
        let none = Margin::default();
        let margin = self.margin.as_ref().unwrap_or(&none);
        let side = |name: &str, length: &Option<Length>| match length {
            Some(length) => length.inches(&format!("pdfOptions.margin.{name}")),
            None => Ok(0.0),
        };
        Ok(json!({
            "scale": self.scale.unwrap_or(1.0),
            "displayHeaderFooter": self.display_header_footer.unwrap_or_default(),
            "headerTemplate": self.header_template.as_deref().unwrap_or_default(),
            "footerTemplate": self.footer_template.as_deref().unwrap_or_default(),
            "printBackground": self.print_background.unwrap_or_default(),
            "landscape": self.landscape.unwrap_or_default(),
            "pageRanges": self.page_ranges.as_deref().unwrap_or_default(),
            "paperWidth": width,
            "paperHeight": height,
            "preferCSSPageSize": self.prefer_css_page_size.unwrap_or_default(),
            "marginTop": side("top", &margin.top)?,
            "marginRight": side("right", &margin.right)?,
            "marginBottom": side("bottom", &margin.bottom)?,
            "marginLeft": side("left", &margin.left)?,
            "generateTaggedPDF": self.tagged.unwrap_or(true),
            "generateDocumentOutline": self.outline.unwrap_or_default(),
        }))
    }

    /// Prints the page. Gives the PDF in base64.
    pub(super) async fn print(&self, tab: &mut Tab) -> Result<String, Failed> {
        if self.omit_background == Some(true) {
            clear_background(tab).await?;
        }
        data(tab.call("Page.printToPDF", self.params()?).await?)
    }
}

async fn clear_background(tab: &mut Tab) -> Result<(), Failed> {
    let clear = json!({ "color": { "r": 0, "g": 0, "b": 0, "a": 0 } });
    tab.call("Emulation.setDefaultBackgroundColorOverride", clear)
        .await?;
    Ok(())
}

fn data(mut said: Value) -> Result<String, Failed> {
    match said["data"].take() {
        Value::String(data) => Ok(data),
        _ => Err(Failed::browser("the browser said no data")),
    }
}

/// A format of paper in inches.
fn paper(name: &str) -> Result<(f64, f64), Failed> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "letter" => (8.5, 11.0),
        "legal" => (8.5, 14.0),
        "tabloid" => (11.0, 17.0),
        "ledger" => (17.0, 11.0),
        "a0" => (33.1, 46.8),
        "a1" => (23.4, 33.1),
        "a2" => (16.54, 23.4),
        "a3" => (11.7, 16.54),
        "a4" => (8.27, 11.7),
        "a5" => (5.83, 8.27),
        "a6" => (4.13, 5.83),
        _ => {
            return Err(Failed::asked(format!(
                "pdfOptions.format: there is no {name:?}, but letter, legal, tabloid, ledger and a0 to a6"
            )));
        }
    })
}

impl Length {
    fn inches(&self, option: &str) -> Result<f64, Failed> {
        let text = match self {
            Self::Points(points) => return Ok(points / POINTS_AN_INCH),
            Self::Text(text) => text.trim(),
        };
        let number = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        let an_inch = match &text[number.len()..] {
            "" | "px" => POINTS_AN_INCH,
            "in" => 1.0,
            "cm" => 2.54,
            "mm" => 25.4,
            unit => {
                return Err(Failed::asked(format!(
                    "{option}: there is no unit {unit:?}, but px, in, cm and mm"
                )));
            }
        };
        match number.trim().parse::<f64>() {
            Ok(number) => Ok(number / an_inch),
            Err(_) => Err(Failed::asked(format!("{option}: {text:?} is no length"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(options: Value) -> Result<Value, String> {
        let pdf: Pdf = serde_json::from_value(options).unwrap();
        pdf.params().map_err(|failed| failed.message)
    }

    #[test]
    fn lengths_are_in_inches() {
        let made = params(json!({ "format": "A4", "height": "25.4mm", "margin": { "top": 48, "left": "2.54 cm" } })).unwrap();
        assert_eq!(
            [
                &made["paperWidth"],
                &made["paperHeight"],
                &made["marginTop"],
                &made["marginLeft"],
                &made["marginRight"]
            ],
            [
                &json!(8.27),
                &json!(1.0),
                &json!(0.5),
                &json!(1.0),
                &json!(0.0)
            ]
        );
    }

    #[test]
    fn what_is_no_length_or_format_is_named() {
        assert!(
            params(json!({ "width": "2 ells" }))
                .unwrap_err()
                .contains("pdfOptions.width")
        );
        assert!(
            params(json!({ "margin": { "left": "wide" } }))
                .unwrap_err()
                .contains("margin.left")
        );
        assert!(
            params(json!({ "format": "b5" }))
                .unwrap_err()
                .contains("pdfOptions.format")
        );
    }

    #[test]
    fn a_picture_shows_one_thing_and_a_png_has_no_quality() {
        let check = |options: Value, selector| {
            let options: Screenshot = serde_json::from_value(options).unwrap();
            options.check(selector).map_err(|failed| failed.message)
        };
        assert!(
            check(json!({ "fullPage": true }), Some("p"))
                .unwrap_err()
                .contains("selector")
        );
        assert!(
            check(json!({ "quality": 50 }), None)
                .unwrap_err()
                .contains("quality")
        );
        assert!(
            check(json!({ "type": "jpeg", "quality": 101 }), None)
                .unwrap_err()
                .contains("quality")
        );
        assert!(check(json!({ "type": "webp", "quality": 50 }), Some("p")).is_ok());
    }
}
