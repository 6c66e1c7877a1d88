//! What JavaScript can ask of a token and do to it.

use lol_html::html_content::{ContentType, StreamingHandler};
use rquickjs::{Array, Ctx, Exception, IntoJs, Result, Value};

use super::machine::Token;
use super::parser_error;

/// What Workers say of a token whose handler has returned.
const GONE: &str = "This content token is no longer valid. Content tokens are only valid during the execution of the \
relevant content handler.";

fn gone(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_type(ctx, GONE)
}

fn content_type(html: bool) -> ContentType {
    if html {
        ContentType::Html
    } else {
        ContentType::Text
    }
}

/// Reads a property.
pub(super) fn query<'js>(
    ctx: &Ctx<'js>,
    token: &mut Token<'_>,
    what: &str,
    name: Option<&str>,
) -> Result<Value<'js>> {
    let name = name.unwrap_or_default();
    match (&*token, what) {
        (Token::Element(element), "tagName") => element.tag_name().into_js(ctx),
        (Token::Element(element), "namespaceURI") => element.namespace_uri().into_js(ctx),
        (Token::Element(element), "getAttribute") => match element.get_attribute(name) {
            Some(value) => value.into_js(ctx),
            None => Ok(Value::new_null(ctx.clone())),
        },
        (Token::Element(element), "hasAttribute") => element.has_attribute(name).into_js(ctx),
        (Token::Element(element), "attributes") => {
            let pairs = Array::new(ctx.clone())?;
            for (index, attribute) in element.attributes().iter().enumerate() {
                let pair = Array::new(ctx.clone())?;
                pair.set(0, attribute.name())?;
                pair.set(1, attribute.value())?;
                pairs.set(index, pair)?;
            }
            Ok(pairs.into_value())
        }
        (Token::Element(element), "removed") => element.removed().into_js(ctx),
        (Token::Text(text), "text") => text.as_str().into_js(ctx),
        (Token::Text(text), "lastInTextNode") => text.last_in_text_node().into_js(ctx),
        (Token::Text(text), "removed") => text.removed().into_js(ctx),
        (Token::Comment(comment), "text") => comment.text().into_js(ctx),
        (Token::Comment(comment), "removed") => comment.removed().into_js(ctx),
        (Token::Doctype(doctype), "name") => nullable(ctx, doctype.name()),
        (Token::Doctype(doctype), "publicId") => nullable(ctx, doctype.public_id()),
        (Token::Doctype(doctype), "systemId") => nullable(ctx, doctype.system_id()),
        (Token::EndTag(end_tag), "name") => end_tag.name().into_js(ctx),
        // Only asks whether the token is still there.
        (Token::Gone, _) => Err(gone(ctx)),
        _ => Ok(Value::new_undefined(ctx.clone())),
    }
}

fn nullable<'js>(ctx: &Ctx<'js>, text: Option<String>) -> Result<Value<'js>> {
    match text {
        Some(text) => text.into_js(ctx),
        None => Ok(Value::new_null(ctx.clone())),
    }
}

/// Changes a property, or removes the token.
pub(super) fn edit(
    ctx: &Ctx<'_>,
    token: &mut Token<'_>,
    what: &str,
    first: &str,
    second: &str,
) -> Result<()> {
    match (token, what) {
        (Token::Element(element), "setAttribute") => {
            return element
                .set_attribute(first, second)
                .map_err(|error| parser_error(ctx, error));
        }
        (Token::Element(element), "removeAttribute") => element.remove_attribute(first),
        (Token::Element(element), "tagName") => {
            return element
                .set_tag_name(first)
                .map_err(|error| parser_error(ctx, error));
        }
        (Token::Element(element), "remove") => element.remove(),
        (Token::Element(element), "removeAndKeepContent") => element.remove_and_keep_content(),
        (Token::Text(text), "remove") => text.remove(),
        (Token::Comment(comment), "remove") => comment.remove(),
        (Token::Comment(comment), "text") => {
            return comment
                .set_text(first)
                .map_err(|error| parser_error(ctx, error));
        }
        (Token::EndTag(end_tag), "name") => end_tag.set_name(first),
        (Token::EndTag(end_tag), "remove") => end_tag.remove(),
        _ => return Err(gone(ctx)),
    }
    Ok(())
}

/// Puts text in, around or in place of the token.
pub(super) fn insert(
    ctx: &Ctx<'_>,
    token: &mut Token<'_>,
    place: &str,
    content: &str,
    html: bool,
) -> Result<()> {
    let kind = content_type(html);
    match (token, place) {
        (Token::Element(element), "before") => element.before(content, kind),
        (Token::Element(element), "after") => element.after(content, kind),
        (Token::Element(element), "prepend") => element.prepend(content, kind),
        (Token::Element(element), "append") => element.append(content, kind),
        (Token::Element(element), "replace") => element.replace(content, kind),
        (Token::Element(element), "setInnerContent") => element.set_inner_content(content, kind),
        (Token::Text(text), "before") => text.before(content, kind),
        (Token::Text(text), "after") => text.after(content, kind),
        (Token::Text(text), "replace") => text.replace(content, kind),
        (Token::Comment(comment), "before") => comment.before(content, kind),
        (Token::Comment(comment), "after") => comment.after(content, kind),
        (Token::Comment(comment), "replace") => comment.replace(content, kind),
        (Token::EndTag(end_tag), "before") => end_tag.before(content, kind),
        (Token::EndTag(end_tag), "after") => end_tag.after(content, kind),
        (Token::End(end), "append") => end.append(content, kind),
        _ => return Err(gone(ctx)),
    }
    Ok(())
}

/// The same with content that is written when lol_html comes to it.
pub(super) fn insert_stream(
    ctx: &Ctx<'_>,
    token: &mut Token<'_>,
    place: &str,
    content: Box<dyn StreamingHandler + Send + 'static>,
) -> Result<()> {
    match (token, place) {
        (Token::Element(element), "before") => element.streaming_before(content),
        (Token::Element(element), "after") => element.streaming_after(content),
        (Token::Element(element), "prepend") => element.streaming_prepend(content),
        (Token::Element(element), "append") => element.streaming_append(content),
        (Token::Element(element), "replace") => element.streaming_replace(content),
        (Token::Element(element), "setInnerContent") => {
            element.streaming_set_inner_content(content);
        }
        (Token::Text(text), "before") => text.streaming_before(content),
        (Token::Text(text), "after") => text.streaming_after(content),
        (Token::Text(text), "replace") => text.streaming_replace(content),
        (Token::Comment(comment), "before") => comment.streaming_before(content),
        (Token::Comment(comment), "after") => comment.streaming_after(content),
        (Token::Comment(comment), "replace") => comment.streaming_replace(content),
        (Token::EndTag(end_tag), "before") => end_tag.streaming_before(content),
        (Token::EndTag(end_tag), "after") => end_tag.streaming_after(content),
        _ => return Err(gone(ctx)),
    }
    Ok(())
}

/// Writes a piece of a stream.
pub(super) fn write(
    token: &mut Token<'_>,
    bytes: &[u8],
    html: bool,
) -> std::result::Result<(), String> {
    let Token::Sink(sink) = token else {
        return Err(GONE.to_owned());
    };
    sink.write_utf8_chunk(bytes, content_type(html))
        .map_err(|error| error.to_string())
}
