//! Errors as a developer wants to see them: a page in the browser, JSON or plain text elsewhere.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use host::{Body, FetchError, Fetcher, Request, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

/// What went wrong, for the developer of the worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What kind of thing: `Build failed`, `Uncaught TypeError`.
    pub title: String,
    /// The error's message.
    pub message: String,
    /// Where in the sources.
    pub excerpts: Vec<Excerpt>,
    /// The stack, its positions in the developer's own files.
    pub stack: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A few lines of a source file around a position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The file as the developer names it.
    pub file: String,
    /// The line of the position, counted from 1.
    pub line: u32,
    /// The column of the position, counted from 1.
    pub column: u32,
    /// What is wrong there, if that is more than the report's message.
    pub label: Option<String>,
    /// The number of the first of `lines`.
    pub first_line: u32,
    /// The text.
    pub lines: Vec<String>,
}

impl Report {
    /// The report in the form that the client of this request reads best, as a 500.
    #[must_use]
    pub fn respond(&self, request: &HeaderMap) -> Response {
        let accept: String = request
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let (content_type, body) = if accept.contains("text/html") {
            ("text/html; charset=utf-8", self.html())
        } else if accept.contains("application/json") {
            ("application/json", self.json())
        } else {
            ("text/plain; charset=utf-8", self.text())
        };
        let mut response = Response::new(Body::full(body));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn json(&self) -> String {
        let places: Vec<_> = self
            .excerpts
            .iter()
            .map(|excerpt| {
                serde_json::json!({
                    "file": excerpt.file,
                    "line": excerpt.line,
                    "column": excerpt.column,
                    "label": excerpt.label,
                })
            })
            .collect();
        serde_json::json!({
            "title": self.title,
            "message": self.message,
            "stack": self.stack,
            "hint": self.hint,
            "places": places,
        })
        .to_string()
    }

    fn text(&self) -> String {
        let mut out = format!("{}: {}\n", self.title, self.message);
        for excerpt in &self.excerpts {
            excerpt.write_text(&mut out);
        }
        if !self.stack.is_empty() {
            let _ = write!(out, "\n{}\n", self.stack.trim_end());
        }
        if let Some(hint) = &self.hint {
            let _ = write!(out, "\nhint: {hint}\n");
        }
        out
    }

    fn html(&self) -> String {
        let mut main = format!(
            "<p class=kind>{}</p><h1>{}</h1>",
            escape(&self.title),
            escape(&self.message)
        );
        for excerpt in &self.excerpts {
            excerpt.write_html(&mut main);
        }
        if let Some(hint) = &self.hint {
            let _ = write!(main, "<p class=hint><b>hint</b> {}</p>", escape(hint));
        }
        if !self.stack.is_empty() {
            let _ = write!(
                main,
                "<h2>Stack</h2><pre class=stack>{}</pre>",
                escape(self.stack.trim_end())
            );
        }
        include_str!("error_page.html")
            .replace("{{title}}", &escape(&self.title))
            .replace("{{main}}", &main)
    }
}

impl Excerpt {
    fn numbered(&self) -> impl Iterator<Item = (u32, &str)> {
        (self.first_line..).zip(self.lines.iter().map(String::as_str))
    }

    fn write_text(&self, out: &mut String) {
        let _ = write!(out, "\n  {}:{}:{}\n", self.file, self.line, self.column);
        for (number, text) in self.numbered() {
            let mark = if number == self.line { '>' } else { ' ' };
            let line = format!("{mark} {number:>4} | {text}");
            let _ = writeln!(out, "{}", line.trim_end());
            if number == self.line {
                let label = self.label.as_deref().unwrap_or_default();
                let mark = format!("       | {}^ {label}", self.padding(text));
                let _ = writeln!(out, "{}", mark.trim_end());
            }
        }
    }

    /// What stands before the position, as blanks; tabs stay, so that the mark stands below its sign.
    fn padding(&self, text: &str) -> String {
        text.chars()
            .take(self.column.saturating_sub(1) as usize)
            .map(|sign| if sign == '\t' { '\t' } else { ' ' })
            .collect()
    }

    fn write_html(&self, out: &mut String) {
        let _ = write!(
            out,
            "<figure><figcaption>{}<span>:{}:{}</span></figcaption><pre>",
            escape(&self.file),
            self.line,
            self.column
        );
        for (number, text) in self.numbered() {
            let here = number == self.line;
            let class = if here { " class=here" } else { "" };
            let _ = write!(
                out,
                "<span{class}><i>{number:>4}</i> {}\n</span>",
                escape(text)
            );
            if here {
                let label = escape(self.label.as_deref().unwrap_or_default());
                let _ = write!(
                    out,
                    "<span class=mark><i>    </i> {}^ {label}\n</span>",
                    self.padding(text)
                );
            }
        }
        out.push_str("</pre></figure>");
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// As long as there is nothing that could answer, the report itself does.
impl Fetcher for Report {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        let response = self.respond(request.headers());
        Box::pin(async move { Ok(response) })
    }
}

/// Writes the report of an error from the request's method and URL and the error.
type Describe = Arc<dyn Fn(&Method, &str, &FetchError) -> Report + Send + Sync>;

/// A fetcher whose errors become reports. For development only: a report shows the inside of a worker.
pub struct Diagnosed {
    inner: Arc<dyn Fetcher>,
    describe: Describe,
}

impl Diagnosed {
    /// Reports of `inner`'s errors, which `describe` writes from the request's method and URL and the error.
    pub fn new(
        inner: Arc<dyn Fetcher>,
        describe: impl Fn(&Method, &str, &FetchError) -> Report + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            describe: Arc::new(describe),
        }
    }

    /// The report of an error that something beside the inner fetcher met.
    #[must_use]
    pub fn report(&self, method: &Method, url: &str, error: &FetchError) -> Report {
        (self.describe)(method, url, error)
    }
}

impl Fetcher for Diagnosed {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async move {
            let method = request.method().clone();
            let url = request.uri().clone();
            let accept = request.headers().clone();
            match self.inner.fetch(request).await {
                Ok(response) => Ok(response),
                Err(error) => {
                    let report = self.report(&method, &url.to_string(), &error);
                    Ok(report.respond(&accept))
                }
            }
        })
    }
}
