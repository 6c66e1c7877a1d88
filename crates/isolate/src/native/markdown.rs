//! `atoll:native/markdown`: HTML as Markdown, for `env.AI.toMarkdown()`. lol_html reads it, in one pass and without recursion.

mod elements;
mod marks;
mod page;
mod writer;

use std::cell::RefCell;
use std::rc::Rc;

use ada_url::Url;
use html_escape::decode_html_entities;
use lol_html::html_content::{Element, TextChunk};
use lol_html::{RewriteStrSettings, Selector, doc_text, element, rewrite_str};
use rquickjs::{Ctx, Exception, Function, Object, Result};

use elements::Attributes;
use writer::Writer;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("convert", Function::new(ctx.clone(), convert)?)?;
    Ok(exports)
}

/// `convert(html, selector, base, plain)`: what matches the selector, or all but the page's frame, with links from this base.
fn convert(
    ctx: Ctx<'_>,
    html: String,
    selector: Option<String>,
    base: Option<String>,
    plain: bool,
) -> Result<String> {
    let fail = |text: &str| Exception::throw_message(&ctx, text);
    if let Some(text) = &selector {
        text.parse::<Selector>()
            .map_err(|error| fail(&format!("`cssSelector`: {error}")))?;
    }
    to_markdown(&html, selector.as_deref(), base.as_deref(), plain).map_err(|text| fail(&text))
}

fn to_markdown(
    html: &str,
    selector: Option<&str>,
    base: Option<&str>,
    plain: bool,
) -> std::result::Result<String, String> {
    let base = base.and_then(|base| Url::parse(base, None).ok());
    let writer = Rc::new(RefCell::new(Writer::new(selector.is_some(), base, plain)));
    let (starts, texts) = (Rc::clone(&writer), Rc::clone(&writer));
    let mut settings = RewriteStrSettings::new();
    if let Some(selector) = selector {
        let marks = Rc::clone(&writer);
        settings =
            settings.append_element_content_handler(element!(selector, move |_: &mut Element<
                '_,
                '_,
            >| {
                marks.borrow_mut().include_next();
                Ok(())
            }));
    }
    let settings = settings
        .append_element_content_handler(element!("*", move |element: &mut Element<'_, '_>| {
            let name = element.tag_name();
            let attributes = Attributes::of(element);
            starts.borrow_mut().start(&name, &attributes);
            match element.end_tag_handlers() {
                Some(handlers) => {
                    let ends = Rc::clone(&starts);
                    handlers.push(Box::new(move |_| {
                        ends.borrow_mut().end(&name);
                        Ok(())
                    }));
                }
                None => starts.borrow_mut().end(&name),
            }
            Ok(())
        }))
        .append_document_content_handler(doc_text!(move |chunk: &mut TextChunk<'_>| {
            texts
                .borrow_mut()
                .text(chunk.as_str(), chunk.last_in_text_node());
            Ok(())
        }));
    rewrite_str(html, settings).map_err(|error| error.to_string())?;
    let text = writer.borrow_mut().finish();
    Ok(text)
}

impl Attributes {
    fn of(element: &Element<'_, '_>) -> Self {
        let get = |name: &str| {
            let value = element.get_attribute(name)?;
            Some(decode_html_entities(&value).into_owned())
        };
        Self {
            href: get("href"),
            src: get("src"),
            alt: get("alt"),
            class: get("class"),
            start: get("start"),
            meta: get("name").or_else(|| get("property")),
            content: get("content"),
            is_hidden: element.has_attribute("hidden")
                || element.get_attribute("aria-hidden").as_deref() == Some("true"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &str) {
        let told = to_markdown(html, None, None, false).expect("it can be read");
        assert_eq!(told, expected, "{html}");
    }

    #[test]
    fn text_with_marks() {
        check(
            "<h1>A &amp; b</h1><p>One <b>two </b>three<em>four</em> <code>x`y</code><br>next",
            "# A & b\n\nOne **two** three*four* ``x`y``  \nnext",
        );
        check("<p>a<p>b<div>c<div>d</div>e</div>", "a\n\nb\n\nc\n\nd\n\ne");
        check(
            "<p>1 * 2 [x] a_b &lt;i&gt;</p><p># no</p><p>- no</p><p>3. no</p>",
            "1 \\* 2 \\[x\\] a\\_b \\<i>\n\n\\# no\n\n\\- no\n\n3\\. no",
        );
        check("<b><i></i></b><p>  x\n  y </p><hr>z", "x y\n\n---\n\nz");
        check(
            "a<script>no</script><style>no</style><!-- no --><template>no</template><svg><title>no</title></svg>b",
            "ab",
        );
    }

    #[test]
    fn lists_and_quotes() {
        check(
            "<ul><li>a<li>b<ul><li>c</ul><li><p>d</p><p>e</p></ul>f",
            "- a\n- b\n  - c\n- d\n\n  e\n\nf",
        );
        check("<ol start=9><li>a</li><li>b</li></ol>", "9. a\n10. b");
        check(
            "<blockquote><p>a</p><blockquote>b</blockquote><ul><li>c</ul></blockquote>",
            "> a\n> >\n> > b\n>\n> - c",
        );
    }

    #[test]
    fn code_keeps_its_lines() {
        check(
            "<pre><code class='x language-rust'>fn a() {\n  *b\n}\n</code></pre>",
            "```rust\nfn a() {\n  *b\n}\n```",
        );
        check("<li><pre>a ``` b</pre>", "- ````\n  a ``` b\n  ````");
    }

    #[test]
    fn links_pictures_and_tables() {
        check(
            "<a href='/a b'>x <b>y</b></a> <a>z</a> <a href=/c></a><img src=p.png alt='a]'><img src='data:,x' alt=q>",
            "[x **y**](/a%20b) z ![a\\]](p.png)q",
        );
        check("<a href=/x><h2>T</h2><p>u</p></a>", "## [T](/x)\n\n[u](/x)");
        check(
            "<table><tr><th>A<th>B<tr><td>1<br>2<td>x|y<td>z</table>",
            "| A | B |  |\n| --- | --- | --- |\n| 1 2 | x\\|y | z |",
        );
    }

    #[test]
    fn a_page_has_a_title_and_a_frame() {
        check(
            "<title>T &quot;q&quot;</title><meta name=description content=D><body><header>no</header>a<footer>no</footer>",
            "---\ntitle: \"T \\\"q\\\"\"\ndescription: \"D\"\n---\n\na",
        );
        let page =
            "<base href='https://a.test/b/'><nav>no</nav><article><a href=c>d</a></article>no";
        let told = to_markdown(page, Some("article"), Some("https://z.test/"), false);
        assert_eq!(told.expect("it can be read"), "[d](https://a.test/b/c)");
        let plain = to_markdown(
            "<h1>a</h1><p><a href=/b>c</a> *</p><ul><li>d</ul>",
            None,
            None,
            true,
        );
        assert_eq!(plain.expect("it can be read"), "a\n\nc *\n\nd");
    }

    #[test]
    fn whatever_comes_is_taken() {
        let deep = "<div><ul><li><b><a href=x>".repeat(20_000) + "x";
        assert!(to_markdown(&deep, None, None, false).is_ok());
        for html in [
            "",
            "<",
            "</p></b>",
            "<table>x<tr></table>",
            "</td><td>x",
            "<pre>",
            "<a href='",
            "<li>",
        ] {
            assert!(to_markdown(html, None, None, false).is_ok(), "{html}");
        }
    }
}
