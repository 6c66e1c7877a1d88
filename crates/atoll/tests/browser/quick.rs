//! Quick actions on a site of this machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use super::browsers;
use super::support::{Project, Server};

const CONFIGURATION: &str = r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11",
    "browser": { "binding": "BROWSER" }, "worker_loaders": [{ "binding": "LOADER" }] }"#;

const PAGE: &str = r##"<!doctype html><html><head><title>A shop</title><meta name=description content="Sells &quot;things&quot;.">
<link rel=stylesheet href=/style.css></head><body>
<nav><a href="/one">One</a> <a href="/one">One again</a> <a href="http://example.invalid/two">Two</a>
<a href="/hidden" style="display:none">Hidden</a> <a href="javascript:alert(1)">Run</a></nav>
<h1>Things <em>we</em> sell</h1><p class=price id=first>10 snake_case * stars</p><p class=price>20</p>
<p id=late></p><script>document.querySelector("#late").textContent = "made by a script";</script>
</body></html>"##;

/// What a site answers: the rest of the head, and the body.
fn answer(path: &str, lines: &[String]) -> (&'static str, String) {
    let has = |wanted: &str| lines.iter().any(|line| line.eq_ignore_ascii_case(wanted));
    match path {
        "/" => ("200 OK\r\nContent-Type: text/html", PAGE.to_owned()),
        "/style.css" => (
            "200 OK\r\nContent-Type: text/css",
            "#first { width: 77px }".to_owned(),
        ),
        "/added.js" => (
            "200 OK\r\nContent-Type: text/javascript",
            "document.title = 'changed'".to_owned(),
        ),
        "/told" => (
            "200 OK\r\nContent-Type: text/html",
            format!("<pre>{}</pre>", lines.join("\n")),
        ),
        "/secret" if has("authorization: basic dTpw") => {
            ("200 OK\r\nContent-Type: text/html", "the secret".to_owned())
        }
        "/secret" => (
            "401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nContent-Type: text/html",
            "no".to_owned(),
        ),
        "/asks" => (
            "200 OK\r\nContent-Type: text/html",
            "<p id=answer></p><script>document.title = String(confirm('?'))</script>".to_owned(),
        ),
        "/tall" => (
            "200 OK\r\nContent-Type: text/html",
            "<style>* { margin: 0 }</style><div style='height: 3000px'></div>".to_owned(),
        ),
        "/elsewhere" => ("302 Found\r\nLocation: /told", String::new()),
        "/file" => (
            "200 OK\r\nContent-Type: application/zip\r\nContent-Disposition: attachment",
            "zip".to_owned(),
        ),
        _ => (
            "404 Not Found\r\nContent-Type: text/html",
            "<title>None</title>nothing".to_owned(),
        ),
    }
}

fn serve(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else {
        return;
    };
    let path = first.split(' ').nth(1).unwrap_or_default();
    let rest = lines.map_while(Result::ok);
    let told: Vec<String> = rest.take_while(|line| !line.is_empty()).collect();
    if path == "/never" {
        // Until the browser is gone.
        let _ = std::io::Read::read(&mut stream, &mut [0]);
        return;
    }
    let (head, body) = answer(path, &told);
    let length = body.len();
    // A browser that is closed does not read on.
    let _ = write!(
        stream,
        "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// A server whose worker has quick actions, and a site; nothing where there is no browser.
struct Shop {
    /// Its folder, for as long as it is there.
    _project: Project,
    server: Server,
    site: String,
}

impl Shop {
    fn open(settings: &str) -> Option<Self> {
        host::browser::installed()?;
        let project = project(settings);
        let server = project.start(&["dev"], "ready in");
        Some(Self {
            _project: project,
            server,
            site: site(),
        })
    }

    /// What an action gives for a page of the site.
    fn act(&self, action: &str, path: &str, options: Value) -> Value {
        let mut options = options;
        options["url"] = json!(format!("{}{path}", self.site));
        ask(&self.server, action, &options)
    }

    fn result(&self, action: &str, path: &str, options: Value) -> Value {
        let mut told = self.act(action, path, options);
        assert_eq!(told["status"], 200, "{told}");
        told["json"]["result"].take()
    }

    fn refused(&self, action: &str, path: &str, options: Value) -> (u64, String) {
        let told = self.act(action, path, options);
        assert_eq!(told["json"]["success"], false, "{told}");
        let message = told["json"]["errors"][0]["message"].as_str().unwrap();
        (told["status"].as_u64().unwrap(), message.to_owned())
    }

    fn close(self) {
        assert!(browsers(self.server.id()).is_empty());
        assert_eq!(self.server.stop().0, Some(0));
    }
}

fn project(settings: &str) -> Project {
    Project::new(&[
        ("wrangler.json", CONFIGURATION),
        ("index.js", include_str!("quick.js")),
        ("atoll.jsonc", settings),
    ])
}

fn ask(server: &Server, action: &str, options: &Value) -> Value {
    let asked = json!({ "action": action, "options": options });
    let (status, answer) = server.post("/", &asked.to_string());
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

#[test]
fn a_page_is_read_in_each_way() {
    let Some(shop) = Shop::open("{}") else {
        return;
    };
    let told = shop.act("content", "/", json!({}));
    assert_eq!(
        (&told["status"], &told["type"], &told["ms"]),
        (&json!(200), &json!("application/json"), &json!(true))
    );
    let json = &told["json"];
    assert_eq!(json["success"], true);
    assert_eq!(json["meta"], json!({ "status": 200, "title": "A shop" }));
    let html = json["result"].as_str().unwrap();
    assert!(
        html.starts_with("<!DOCTYPE html><html><head><title>A shop"),
        "{html}"
    );
    assert!(html.contains("made by a script"), "{html}");
    let missing = shop.act("content", "/missing", json!({}));
    assert_eq!(
        missing["json"]["meta"],
        json!({ "status": 404, "title": "None" })
    );

    let site = &shop.site;
    let markdown = format!(
        "---\ntitle: \"A shop\"\ndescription: \"Sells \\\"things\\\".\"\n---\n\n\
         [One]({site}/one) [One again]({site}/one) [Two](http://example.invalid/two) [Hidden]({site}/hidden) Run\n\n\
         # Things *we* sell\n\n10 snake_case \\* stars\n\n20\n\nmade by a script"
    );
    assert_eq!(shop.result("markdown", "/", json!({})), markdown);

    let one = format!("{site}/one");
    let hidden = format!("{site}/hidden");
    let two = "http://example.invalid/two";
    assert_eq!(
        shop.result("links", "/", json!({})),
        json!([one, two, hidden])
    );
    let only = json!({ "visibleLinksOnly": true, "excludeExternalLinks": true });
    assert_eq!(shop.result("links", "/", only), json!([one]));

    let wanted = json!({ "elements": [{ "selector": ".price" }, { "selector": "b" }], "gotoOptions": { "waitUntil": ["load"] } });
    let mut scraped = shop.result("scrape", "/", wanted);
    let first = scraped[0]["results"][0].take();
    assert_eq!(first["width"], 77.0);
    assert_eq!(first["text"], "10 snake_case * stars");
    assert_eq!(
        first["attributes"][1],
        json!({ "name": "id", "value": "first" })
    );
    assert_eq!(
        first["html"],
        "<p class=\"price\" id=\"first\">10 snake_case * stars</p>"
    );
    assert_eq!(scraped[0]["results"].as_array().unwrap().len(), 2);
    assert_eq!(scraped[1], json!({ "selector": "b", "results": [] }));

    let both = shop.act("snapshot", "/", json!({}));
    assert_eq!(both["json"]["meta"]["title"], "A shop");
    let result = &both["json"]["result"];
    assert!(result["screenshot"].as_str().unwrap().starts_with("iVBOR"));
    assert_eq!(result["content"], html);
    let formats = json!({ "formats": ["markdown", "content"] });
    assert_eq!(
        shop.result("snapshot", "/", formats),
        json!({ "markdown": markdown, "content": html })
    );
    shop.close();
}

#[test]
fn pictures_and_pdfs_are_as_they_are_wanted() {
    let Some(shop) = Shop::open("{}") else {
        return;
    };
    let picture = |path: &str, options: Value| shop.act("screenshot", path, options);
    let png = |width: u32, height: u32| json!({ "status": 200, "type": "image/png", "ms": true, "begins": "\u{89}PNG", "size": [width, height] });
    assert_eq!(picture("/tall", json!({})), png(1920, 1080));
    let small = json!({ "viewport": { "width": 300, "height": 200, "deviceScaleFactor": 2 } });
    assert_eq!(picture("/tall", small), png(600, 400));
    let full = json!({ "viewport": { "width": 300, "height": 200 }, "screenshotOptions": { "fullPage": true }, "scrollPage": true });
    assert_eq!(picture("/tall", full), png(300, 3000));
    let one = json!({ "selector": "#first", "gotoOptions": { "waitUntil": "load" } });
    assert_eq!(picture("/", one)["size"][0], 77);
    let clip = json!({ "screenshotOptions": { "clip": { "x": 0, "y": 1500, "width": 20, "height": 30 } } });
    assert_eq!(picture("/tall", clip), png(20, 30));
    let jpeg =
        json!({ "screenshotOptions": { "type": "jpeg", "quality": 50, "encoding": "base64" } });
    assert_eq!(
        picture("/", jpeg),
        json!({ "status": 200, "type": "text/plain", "ms": true, "text": "data:image/jpeg;base64,/9j/4AA" })
    );
    let pdf = json!({ "pdfOptions": { "format": "a4", "margin": { "top": "1cm" }, "printBackground": true } });
    assert_eq!(
        shop.act("pdf", "/", pdf),
        json!({ "status": 200, "type": "application/pdf", "ms": true, "begins": "%PDF" })
    );
    let refused = |options: Value| shop.refused("screenshot", "/tall", options);
    let huge = json!({ "viewport": { "width": 16_000, "height": 4_000, "deviceScaleFactor": 1 }, "screenshotOptions": {
        "clip": { "x": 0, "y": 0, "width": 20_000, "height": 20_000 } } });
    assert!(refused(huge).1.contains("points"));
    assert_eq!(
        refused(json!({ "selector": "b" })),
        (422, "selector: the page has no \"b\"".to_owned())
    );
    shop.close();
}

#[test]
fn a_page_is_loaded_as_it_is_wanted() {
    let Some(shop) = Shop::open("{}") else {
        return;
    };
    let content = |path: &str, options: Value| {
        let result = shop.result("content", path, options);
        result.as_str().unwrap().to_owned()
    };
    let told = content(
        "/elsewhere",
        json!({
            "cookies": [{ "name": "a", "value": "b" }],
            "setExtraHTTPHeaders": { "x-own": "yes" },
            "userAgent": "somebody",
            "gotoOptions": { "referer": "http://example.invalid/", "waitUntil": "networkidle0", "timeout": 20_000 },
        }),
    );
    for line in [
        "Cookie: a=b",
        "x-own: yes",
        "User-Agent: somebody",
        "Referer: http://example.invalid/",
    ] {
        assert!(told.contains(line), "{line} of {told}");
    }
    let known = json!({ "authenticate": { "username": "u", "password": "p" } });
    assert!(content("/secret", known).contains("the secret"));
    let wrong = json!({ "authenticate": { "username": "u", "password": "q" } });
    assert!(content("/secret", wrong).contains("no"));
    assert!(!content("/", json!({ "setJavaScriptEnabled": false })).contains(">made by"));
    assert!(content("/asks", json!({})).contains("<title>false</title>"));
    let added = json!({ "addScriptTag": [{ "url": format!("{}/added.js", shop.site) }], "addStyleTag": [{ "content": "b { color: red }" }] });
    let added = content("/", added);
    assert!(
        added.contains("<title>changed</title>") && added.contains("b { color: red }"),
        "{added}"
    );
    // Width says whether the style sheet came.
    let width = |mut options: Value| {
        options["elements"] = json!([{ "selector": "#first" }]);
        options["gotoOptions"] = json!({ "waitUntil": "load" });
        shop.result("scrape", "/", options)[0]["results"][0]["width"]
            .as_f64()
            .unwrap()
    };
    assert!(width(json!({ "rejectResourceTypes": ["stylesheet"] })) > 77.0);
    assert!(width(json!({ "rejectRequestPattern": ["/\\.css$/"] })) > 77.0);
    assert!(width(json!({ "allowResourceTypes": ["document"] })) > 77.0);
    assert_eq!(width(json!({ "rejectResourceTypes": ["image"] })), 77.0);
    let late = json!({ "waitForSelector": { "selector": "#later" }, "waitForTimeout": 10,
        "addScriptTag": [{ "content": "setTimeout(() => { document.body.innerHTML = '<b id=later>later</b>' }, 300)" }] });
    assert!(content("/", late).contains("<b id=\"later\">later</b>"));

    let html = ask(
        &shop.server,
        "markdown",
        &json!({ "html": "<ul><li>a<li>b<ol start=3><li>c</ol></ul><table><tr><th>x<th>y<tr><td>1|2<td><b>3</b></table>\
                          <pre><code class=language-js>a  `b`\n</code></pre><blockquote>q<br>r</blockquote>" }),
    );
    assert_eq!(
        html["json"]["result"],
        "- a\n- b\n  3. c\n\n| x | y |\n| --- | --- |\n| 1\\|2 | **3** |\n\n```js\na  `b`\n```\n\n> q  \n> r"
    );
    shop.close();
}

#[test]
fn what_does_not_come_of_a_page_is_said() {
    let Some(shop) = Shop::open(r#"{ "browser": { "sessions": 1 } }"#) else {
        return;
    };
    let soon = json!({ "gotoOptions": { "timeout": 300 } });
    let (status, text) = shop.refused("content", "/never", soon);
    assert_eq!(status, 422);
    assert!(
        text.contains("gotoOptions.timeout") && text.contains("300 ms"),
        "{text}"
    );
    let wait = json!({ "waitForSelector": { "selector": "#none", "timeout": 100 } });
    assert!(
        shop.refused("content", "/", wait.clone())
            .1
            .contains("waitForSelector")
    );
    let mut anyway = wait;
    anyway["bestAttempt"] = json!(true);
    assert_eq!(shop.act("content", "/", anyway)["status"], 200);
    let blocked = json!({ "rejectResourceTypes": ["document"] });
    assert!(
        shop.refused("content", "/", blocked)
            .1
            .contains("net::ERR_BLOCKED_BY_CLIENT")
    );
    assert!(
        shop.refused("content", "/file", json!({}))
            .1
            .contains("net::ERR_ABORTED")
    );
    let headers = json!({ "setExtraHTTPHeaders": { "no header": "a" } });
    let (status, text) = shop.refused("content", "/", headers);
    assert!(text.contains("setExtraHTTPHeaders"), "{status} {text}");
    assert_eq!(status, 400);
    let malformed = json!({ "elements": [{ "selector": "<" }] });
    assert_eq!(shop.refused("scrape", "/", malformed).0, 422);
    // A page that does not let anybody in.
    let endless = json!({ "addScriptTag": [{ "content": "setTimeout(() => { for (;;); }, 100)" }], "waitForTimeout": 1000,
        "actionTimeout": 1000 });
    let (status, text) = shop.refused("content", "/", endless);
    assert_eq!(status, 422);
    assert!(text.contains("actionTimeout"), "{text}");
    // The room of all of these is free again, and one at a time is what there is.
    let (mut both, one) = (Vec::new(), json!({ "waitForTimeout": 1500 }));
    std::thread::scope(|scope| {
        let tries =
            [0, 1].map(|_| scope.spawn(|| shop.act("content", "/", one.clone())["status"].clone()));
        both.extend(tries.map(|each| each.join().unwrap().as_u64().unwrap()));
    });
    both.sort_unstable();
    assert_eq!(both, [200, 429]);
    shop.close();
}

#[test]
fn what_a_quick_action_cannot_is_refused_before_there_is_a_browser() {
    let project = project(r#"{ "browser": { "path": "nowhere" } }"#);
    let server = project.start(&["dev"], "ready in");
    let refused = |action: &str, options: Value| {
        let told = ask(&server, action, &options);
        let message = told["json"]["errors"][0]["message"]
            .as_str()
            .unwrap_or_default();
        (told["status"].as_u64().unwrap(), message.to_owned())
    };
    for (action, options, named) in [
        (
            "crawl",
            json!({ "url": "http://a/" }),
            "no quick action \"crawl\"",
        ),
        (
            "accessibilityTree",
            json!({ "url": "http://a/" }),
            "no quick action \"accessibilityTree\"",
        ),
        ("content", json!({}), "`url`"),
        ("content", json!({ "url": "file:///etc/passwd" }), "http://"),
        (
            "content",
            json!({ "url": "http://a/", "elements": [] }),
            "`elements`",
        ),
        (
            "content",
            json!({ "url": "http://a/", "gotoOptions": { "signal": 1 } }),
            "`signal`",
        ),
        (
            "scrape",
            json!({ "url": "http://a/", "elements": [] }),
            "elements",
        ),
        (
            "snapshot",
            json!({ "html": "a", "formats": ["content", "accessibilityTree"] }),
            "accessibilityTree",
        ),
        (
            "snapshot",
            json!({ "html": "a", "formats": ["content"] }),
            "formats",
        ),
        (
            "json",
            json!({ "html": "a", "prompt": "b", "custom_ai": [] }),
            "custom_ai",
        ),
        ("json", json!({ "html": "a" }), "`prompt`"),
        (
            "markdown",
            json!({ "html": "a", "allowRequestPattern": ["(?!x)"] }),
            "allowRequestPattern",
        ),
    ] {
        let (status, message) = refused(action, options);
        assert_eq!(status, 400, "{action}: {message}");
        assert!(message.contains(named), "{action}: {message}");
    }
    let (status, message) = refused("json", json!({ "html": "a", "prompt": "b" }));
    assert_eq!(status, 503);
    assert!(message.contains("no model is named"), "{message}");
    let (status, message) = refused("content", json!({ "html": "a" }));
    assert_eq!(status, 503);
    assert!(message.contains("there is no browser at"), "{message}");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_model_reads_data_off_a_page() {
    let model = r#"{ "model": { "scripted": { "rate": 0, "rules": [
        { "when": "10 snake", "times": 1, "say": "```json\n{ \"prices\": [10, 20] }\n```" },
        { "when": "10 snake", "times": 1, "say": "I do not know." },
        { "when": "10 snake", "status": 500 }
    ] } } }"#;
    let Some(shop) = Shop::open(model) else {
        return;
    };
    let schema = json!({ "type": "object", "properties": { "prices": { "type": "array" } } });
    let question = json!({ "prompt": "the prices", "response_format": { "type": "json_schema", "json_schema": schema } });
    assert_eq!(
        shop.result("json", "/", question.clone()),
        json!({ "prices": [10, 20] })
    );
    let told = shop.act("json", "/", question.clone());
    assert_eq!(told["status"], 422);
    assert_eq!(told["json"]["rawAiResponse"], "I do not know.");
    assert_eq!(shop.refused("json", "/", question).0, 500);
    shop.close();
}

#[test]
fn a_worker_that_is_handed_the_binding_has_it_whole() {
    let Some(shop) = Shop::open("{}") else {
        return;
    };
    let asked = json!({ "action": "links", "options": { "html": "<a href='http://a/'>a</a>" } });
    let (_, answer) = shop.server.post("/inside", &asked.to_string());
    let told: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        told["json"],
        json!({ "success": true, "result": ["http://a/"] }),
        "{told}"
    );
    shop.close();
}
