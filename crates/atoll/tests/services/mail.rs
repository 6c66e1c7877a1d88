//! Email: what is sent, and what comes.

use crate::support::{Project, Server};

const SENDER: &str = r#"
import { EmailMessage } from "cloudflare:email";
import { assert, failure } from "./support.js";
const { equal } = assert.default ?? assert;
const raw = (from, more = "Message-ID: <1@a.test>\r\n") => `From: Me <${from}>\r\nTo: you@b.test\r\nSubject: Hi\r\n${more}\r\nHello\r\n`;
export default {
  async test(_, { ANY, ONE, SOME }) {
    const send = (binding, from, to, text = raw(from)) => binding.send(new EmailMessage(from, to, text));
    equal(/^<\w{36}@a\.test>$/.test((await send(ANY, "me@a.test", "you@b.test")).messageId), true);
    equal(await failure(() => send(ONE, "me@a.test", "other@b.test")), "Error: email to other@b.test not allowed");
    await send(ONE, "me@a.test", "only@b.test");
    equal(await failure(() => send(SOME, "me@a.test", "you@b.test")), "Error: email from me@a.test not allowed");
    equal(await failure(() => send(SOME, "sender@a.test", "you@b.test")), "Error: email to you@b.test not allowed");
    await send(SOME, "sender@a.test", "a@b.test", new Response(raw("sender@a.test")).body);
    equal(await failure(() => send(ANY, "me@a.test", "b@b.test", raw("other@a.test"))), "Error: From: header does not match mail from");
    equal(await failure(() => send(ANY, "me@a.test", "b@b.test", raw("me@a.test", ""))), "Error: invalid message-id");
    equal(await failure(() => ANY.send({ from: "me@a.test", to: "b@b.test" })), "TypeError: send() needs `subject`.");
    await ANY.send({
      from: { name: "Mé", email: "me@a.test" }, to: ["b@b.test", "c@c.test"], cc: "d@d.test", subject: "Grüße",
      text: "plain", html: "<b>bold</b>", headers: { "X-Mine": "1" },
      attachments: [{ filename: "a.txt", type: "text/plain", content: new Uint8Array([104, 105]) }],
    });
    equal(await failure(() => SOME.send({ from: "sender@a.test", to: "a@b.test", bcc: "x@y.test", subject: "s" })), "Error: email to x@y.test not allowed");
  },
};
"#;

#[test]
fn mail_is_written_to_a_folder_for_those_who_may_get_it() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "mail", "main": "index.js", "compatibility_date": "2026-06-11", "compatibility_flags": ["nodejs_compat"],
                "send_email": [{ "name": "ANY" }, { "name": "ONE", "destination_address": "only@b.test" },
                  { "name": "SOME", "allowed_destination_addresses": ["a@b.test"], "allowed_sender_addresses": ["sender@a.test"] }] }"#,
        ),
        ("index.js", SENDER),
        super::SUPPORT,
    ]);
    let (code, stdout, stderr) = project.run(&["test", "--persist-to", "state"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let mut messages: Vec<String> = std::fs::read_dir(project.path().join("state/email"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    messages.sort();
    assert_eq!(messages.len(), 4, "{messages:?}");
    let told = stderr.matches("note: email from ").count();
    assert_eq!(told, 4, "{stderr}");
    let made = messages
        .iter()
        .find(|message| message.contains("X-Mine: 1"))
        .unwrap();
    for part in [
        "From: =?UTF-8?B?TcOp?= <me@a.test>\r\n",
        "To: b@b.test, c@c.test\r\n",
        "Cc: d@d.test\r\n",
        "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n",
        "Content-Type: multipart/mixed;",
        "Content-Type: multipart/alternative;",
        "filename=\"a.txt\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n",
    ] {
        assert!(made.contains(part), "no {part:?} in {made}");
    }
}

const RECEIVER: &str = r#"
import { EmailMessage } from "cloudflare:email";
export default {
  async email(message, env, ctx) {
    const text = await new Response(message.raw).text();
    if (text.length !== message.rawSize || !text.startsWith("From: ")) throw new Error("the message is not whole");
    switch (message.headers.get("subject")) {
      case "reject": return message.setReject("not wanted");
      case "throw": throw new TypeError("broken");
      case "forward": return message.forward("boss@b.test", new Headers({ "X-Seen": message.from }));
      case "reply": {
        const raw = `From: ${message.to}\r\nTo: ${message.from}\r\nMessage-ID: <2@b.test>\r\nIn-Reply-To: ${message.headers.get("message-id")}\r\n\r\nThanks\r\n`;
        await message.reply(new EmailMessage(message.to, message.from, raw));
        return message.reply(new EmailMessage(message.to, message.from, raw)).catch((error) => console.log(error.message));
      }
    }
  },
};
"#;

#[test]
fn mail_that_comes_is_handled() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "mail", "main": "index.js", "compatibility_date": "2026-06-11" }"#,
        ),
        ("index.js", RECEIVER),
    ]);
    let mut server = project.start(&["dev"], "ready in");
    let send = |server: &Server, subject: &str| {
        let message = format!(
            "From: me@a.test\r\nTo: in@b.test\r\nSubject: {subject}\r\nMessage-ID: <1@a.test>\r\n\r\nHello\r\n"
        );
        server.post(
            "/cdn-cgi/handler/email?from=me%40a.test&to=in@b.test",
            &message,
        )
    };
    let done = (200, "Worker successfully processed email".to_owned());
    assert_eq!(send(&server, "nothing"), done);
    assert_eq!(
        send(&server, "reject"),
        (
            400,
            "Worker rejected email with the following reason: not wanted".to_owned()
        )
    );
    assert_eq!(send(&server, "throw").0, 500);
    assert_eq!(
        server.post("/cdn-cgi/handler/email?from=a@b.test", "x").0,
        400
    );
    assert_eq!(
        server
            .post("/cdn-cgi/handler/email?from=a@b.test&to=c@d.test", "")
            .0,
        400
    );
    assert_eq!(send(&server, "forward"), done);
    server.wait_for("email from me@a.test to boss@b.test is in ");
    assert_eq!(send(&server, "reply"), done);
    let said = server.wait_for("email from in@b.test to me@a.test is in ");
    // The worker may say so before or after that.
    if !said.contains("Original email was already replied to") {
        server.wait_for("Original email was already replied to");
    }
    let mut messages: Vec<String> = std::fs::read_dir(project.path().join(".atoll/state/email"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    messages.sort();
    assert_eq!(messages.len(), 2);
    assert!(messages[0].starts_with("References: <1@a.test>\r\nFrom: in@b.test\r\n"));
    assert!(messages[1].starts_with("x-seen: me@a.test\r\nFrom: me@a.test\r\n"));
}
