//! The Cache API.

use crate::workers::*;

#[test]
fn responses_are_kept_and_forgotten() {
    run(async {
        let worker = App::fetch(
            "const cache = caches.default, url = 'http://cache.test/a'; const seen = []; \
             seen.push(await cache.match(url) === undefined); \
             await cache.put(url, new Response('kept', { headers: { 'cache-control': 'max-age=60', 'x-a': '1' } })); \
             const hit = await cache.match(url); seen.push(await hit.text(), hit.headers.get('x-a'), hit.headers.get('cf-cache-status')); \
             seen.push(await (await caches.open('other')).match(url) === undefined); \
             seen.push(await cache.delete(url), await cache.delete(url), await cache.match(url) === undefined); \
             return Response.json(seen);",
        )
        .deploy()
        .await;
        assert_eq!(
            text(&worker, "/").await,
            r#"[true,"kept","1","HIT",true,true,false,true]"#
        );
    });
}

#[test]
fn what_may_not_be_kept_is_not() {
    run(async {
        let worker = App::fetch(
            "const cache = caches.default; const seen = []; \
             for (const headers of [{ 'cache-control': 'no-store' }, { 'cache-control': 'private' }, { 'cache-control': 'max-age=0' }, \
             { 'set-cookie': 'a=b', 'cache-control': 'max-age=9' }]) { \
             await cache.put('http://cache.test/', new Response('x', { headers })); seen.push(await cache.match('http://cache.test/') === undefined); } \
             for (const [request, response] of [[new Request('http://cache.test/', { method: 'POST' }), new Response()], \
             ['http://cache.test/', new Response(null, { status: 206 })], ['http://cache.test/', new Response('x', { headers: { vary: '*' } })]]) \
             try { await cache.put(request, response); seen.push('kept'); } catch (error) { seen.push(error.name); } \
             return Response.json(seen);",
        )
        .deploy()
        .await;
        assert_eq!(
            text(&worker, "/").await,
            r#"[true,true,true,true,"TypeError","TypeError","TypeError"]"#
        );
    });
}

#[test]
fn ranges_and_conditions_are_answered_from_the_cache() {
    run(async {
        let worker = App::fetch(
            "const cache = caches.default, url = 'http://cache.test/r'; \
             await cache.put(url, new Response('0123456789', { headers: { 'cache-control': 'max-age=60', etag: '\"v1\"' } })); \
             const part = await cache.match(new Request(url, { headers: { range: 'bytes=2-4' } })); \
             const same = await cache.match(new Request(url, { headers: { 'if-none-match': '\"v1\"' } })); \
             return Response.json([part.status, part.headers.get('content-range'), await part.text(), same.status]);",
        )
        .deploy()
        .await;
        assert_eq!(
            text(&worker, "/").await,
            r#"[206,"bytes 2-4/10","234",304]"#
        );
    });
}
