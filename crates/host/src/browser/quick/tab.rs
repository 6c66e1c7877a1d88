//! One tab of a browser, driven over the DevTools protocol. What a browser says is bounded and read as data.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Failed;
use super::options::Credentials;
use super::rules::Rules;
use crate::socket::{SocketEnd, SocketMessage};

/// How often a page is asked that has just gone somewhere else.
const TRIES: u32 = 5;

/// A page, and what has been heard of it.
pub(super) struct Tab {
    socket: SocketEnd,
    last: u64,
    /// What its commands are marked with.
    session: String,
    /// Its main frame, which is called like the tab.
    frame: String,
    seen: Seen,
    around: Around,
}

/// The document that is there.
#[derive(Debug, Default)]
struct Seen {
    loader: String,
    events: BTreeSet<String>,
    status: Option<u16>,
}

/// What holds for all requests of a page, and of the frames in it that have a process of their own.
#[derive(Default)]
pub(super) struct Around {
    pub(super) rules: Rules,
    pub(super) credentials: Option<Credentials>,
    /// What each of them is told at its beginning.
    pub(super) commands: Vec<(&'static str, Value)>,
    /// Requests that were answered with credentials: who asks again does not take them.
    pub(super) answered: BTreeSet<String>,
}

impl Around {
    fn is_watching(&self) -> bool {
        !self.rules.is_empty() || self.credentials.is_some()
    }
}

/// The answer to a command.
struct Answer {
    id: u64,
    result: Result<Value, String>,
}

impl Tab {
    /// A new tab of a browser, of its own.
    pub(super) async fn open(socket: SocketEnd) -> Result<Self, Failed> {
        let mut tab = Self {
            socket,
            last: 0,
            session: String::new(),
            frame: String::new(),
            seen: Seen::default(),
            around: Around::default(),
        };
        let made = tab.call("Target.createTarget", json!({ "url": "about:blank" }));
        let made = made.await?;
        tab.frame = text(&made, "targetId")?;
        let target = json!({ "targetId": tab.frame, "flatten": true });
        let attached = tab.call("Target.attachToTarget", target).await?;
        tab.session = text(&attached, "sessionId")?;
        // Nobody has a use for files that a page hands out.
        let deny = json!({ "behavior": "deny" });
        tab.post("", "Browser.setDownloadBehavior", deny)?;
        tab.call("Page.enable", json!({})).await?;
        let lifecycle = json!({ "enabled": true });
        tab.call("Page.setLifecycleEventsEnabled", lifecycle)
            .await?;
        Ok(tab)
    }

    /// Has these rules hold from now on.
    pub(super) async fn surround(&mut self, around: Around) -> Result<(), Failed> {
        self.around = around;
        for (method, params) in self.set_up() {
            let done = self.ask(method, params).await?;
            done.map_err(|text| Failed::asked(format!("{method}: {text}")))?;
        }
        Ok(())
    }

    /// What a process of the page is told before it begins.
    fn set_up(&self) -> Vec<(&'static str, Value)> {
        let mut commands = vec![("Network.enable", json!({}))];
        if self.around.is_watching() {
            let credentials = self.around.credentials.is_some();
            commands.push(("Fetch.enable", json!({ "handleAuthRequests": credentials })));
        }
        commands.extend(self.around.commands.iter().cloned());
        let attach = json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true });
        commands.push(("Target.setAutoAttach", attach));
        commands
    }

    /// Gives a command, and waits for its answer.
    pub(super) async fn call(&mut self, method: &str, params: Value) -> Result<Value, Failed> {
        let answer = self.ask(method, params).await?;
        answer.map_err(|text| Failed::browser(format!("{method}: {text}")))
    }

    /// The same; what the browser has against it is no failure yet.
    async fn ask(&mut self, method: &str, params: Value) -> Result<Result<Value, String>, Failed> {
        let session = self.session.clone();
        let (id, message) = self.command(&session, method, params);
        let outgoing = self.socket.outgoing.clone();
        let mut sent = std::pin::pin!(outgoing.send(message));
        loop {
            // What the browser says meanwhile is heard: it may wait for that before it hears more.
            tokio::select! {
                sent = &mut sent => {
                    sent.map_err(|_| Failed::browser("the browser ended"))?;
                    break;
                }
                received = self.receive() => drop(received?),
            }
        }
        loop {
            if let Some(answer) = self.receive().await?
                && answer.id == id
            {
                return Ok(answer.result);
            }
        }
    }

    /// Gives a command whose answer is of no interest. There are few of them, and the browser reads them fast.
    fn post(&mut self, session: &str, method: &str, params: Value) -> Result<(), Failed> {
        let (_, message) = self.command(session, method, params);
        let sent = self.socket.outgoing.try_send(message);
        sent.map_err(|_| Failed::browser("the browser takes no more commands"))
    }

    fn command(&mut self, session: &str, method: &str, params: Value) -> (u64, SocketMessage) {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": params });
        if !session.is_empty() {
            command["sessionId"] = json!(session);
        }
        (self.last, SocketMessage::Text(command.to_string().into()))
    }

    /// Receives one message. What is no answer is dealt with here. May be dropped at any time.
    async fn receive(&mut self) -> Result<Option<Answer>, Failed> {
        let message = match self.socket.incoming.recv().await {
            Some(SocketMessage::Text(text)) => text,
            Some(SocketMessage::Broken(why) | SocketMessage::Refused(why)) => {
                return Err(Failed::browser(format!(
                    "the connection to the browser broke: {why}"
                )));
            }
            Some(_) | None => return Err(Failed::browser("the browser ended")),
        };
        let mut message: Value = serde_json::from_str(&message).map_err(|error| {
            Failed::browser(format!("the browser said what is no JSON: {error}"))
        })?;
        if let Some(id) = message["id"].as_u64() {
            let result = match message["error"]["message"].as_str() {
                Some(error) => Err(error.to_owned()),
                None => Ok(message["result"].take()),
            };
            return Ok(Some(Answer { id, result }));
        }
        self.hear(&message)?;
        Ok(None)
    }

    fn hear(&mut self, message: &Value) -> Result<(), Failed> {
        let session = message["sessionId"].as_str().unwrap_or_default();
        let params = &message["params"];
        let is_own = session == self.session;
        match message["method"].as_str().unwrap_or_default() {
            "Page.lifecycleEvent" if is_own && params["frameId"] == self.frame.as_str() => {
                self.seen.reach(params);
            }
            "Network.responseReceived"
                if is_own
                    && params["type"] == "Document"
                    && params["frameId"] == self.frame.as_str() =>
            {
                let status = params["response"]["status"].as_u64();
                self.seen.status = status.and_then(|status| u16::try_from(status).ok());
            }
            "Fetch.requestPaused" => self.decide(session, params)?,
            "Fetch.authRequired" => self.authenticate(session, params)?,
            "Page.javascriptDialogOpening" => {
                let no = json!({ "accept": false });
                self.post(session, "Page.handleJavaScriptDialog", no)?;
            }
            "Target.attachedToTarget" => {
                let child = text(params, "sessionId")?;
                for (method, params) in self.set_up() {
                    self.post(&child, method, params)?;
                }
                self.post(&child, "Runtime.runIfWaitingForDebugger", json!({}))?;
            }
            "Inspector.targetCrashed" if is_own => {
                return Err(Failed::page("the page's process crashed"));
            }
            "Target.detachedFromTarget" if params["sessionId"] == self.session.as_str() => {
                return Err(Failed::page("the page closed itself"));
            }
            _ => {}
        }
        Ok(())
    }

    fn decide(&mut self, session: &str, params: &Value) -> Result<(), Failed> {
        let id = text(params, "requestId")?;
        let url = params["request"]["url"].as_str().unwrap_or_default();
        let kind = params["resourceType"].as_str().unwrap_or_default();
        match self.around.rules.allow(url, kind) {
            true => self.post(session, "Fetch.continueRequest", json!({ "requestId": id })),
            false => {
                let fail = json!({ "requestId": id, "errorReason": "BlockedByClient" });
                self.post(session, "Fetch.failRequest", fail)
            }
        }
    }

    fn authenticate(&mut self, session: &str, params: &Value) -> Result<(), Failed> {
        let id = text(params, "requestId")?;
        let is_new = self.around.answered.insert(id.clone());
        let response = match &self.around.credentials {
            Some(Credentials { username, password }) if is_new => json!({
                "response": "ProvideCredentials", "username": username, "password": password,
            }),
            _ => json!({ "response": "CancelAuth" }),
        };
        let answer = json!({ "requestId": id, "authChallengeResponse": response });
        self.post(session, "Fetch.continueWithAuth", answer)
    }

    /// Goes somewhere. Resolves when the answer has begun.
    pub(super) async fn navigate(
        &mut self,
        url: &str,
        referrer: Option<&str>,
        policy: Option<&str>,
    ) -> Result<(), Failed> {
        let mut params = json!({ "url": url });
        if let Some(referrer) = referrer {
            params["referrer"] = json!(referrer);
        }
        if let Some(policy) = policy {
            params["referrerPolicy"] = json!(policy);
        }
        self.seen = Seen::default();
        let gone = self.call("Page.navigate", params).await?;
        match gone["errorText"].as_str() {
            // An answer without a body is a page of the browser's own, and has a status.
            None | Some("" | "net::ERR_HTTP_RESPONSE_CODE_FAILURE") => {}
            Some(error) => return Err(Failed::page(format!("{error} at {url}"))),
        }
        // What was there before may still be told of.
        let loader = gone["loaderId"].as_str().unwrap_or_default();
        self.seen.expect(loader);
        Ok(())
    }

    /// Forgets what has happened to the document, before it is written anew.
    pub(super) fn begin_anew(&mut self) {
        self.seen.events.clear();
    }

    /// Waits until all of this has happened to the document that is there.
    pub(super) async fn reach(&mut self, events: &[&str]) -> Result<(), Failed> {
        while !events.iter().all(|event| self.seen.events.contains(*event)) {
            self.receive().await?;
        }
        Ok(())
    }

    /// Lets time pass, in which the page goes on.
    pub(super) async fn pause(&mut self, time: Duration) -> Result<(), Failed> {
        let until = Instant::now() + time;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(()),
                received = self.receive() => drop(received?),
            }
        }
    }

    /// The status of the page's response; that of a page that came without one is 200.
    pub(super) fn status(&self) -> u16 {
        self.seen.status.unwrap_or(200)
    }

    /// Runs a function of ours in the page, apart from the page's own scripts.
    pub(super) async fn run(&mut self, function: &str, argument: &Value) -> Result<Value, Failed> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_to_run(function, argument).await? {
                Ok(value) => return Ok(value),
                // The page goes somewhere else by itself.
                Err(_) if tries < TRIES => {}
                Err(text) => return Err(Failed::page(format!("the page does not stay: {text}"))),
            }
        }
    }

    async fn try_to_run(
        &mut self,
        function: &str,
        argument: &Value,
    ) -> Result<Result<Value, String>, Failed> {
        let world = json!({ "frameId": self.frame, "worldName": "atoll" });
        let world = match self.ask("Page.createIsolatedWorld", world).await? {
            Ok(world) => world,
            Err(text) => return Ok(Err(text)),
        };
        let call = json!({
            "functionDeclaration": function,
            "executionContextId": world["executionContextId"],
            "arguments": [{ "value": argument }],
            "returnByValue": true,
            "awaitPromise": true,
        });
        let called = match self.ask("Runtime.callFunctionOn", call).await? {
            Ok(called) => called,
            Err(text) => return Ok(Err(text)),
        };
        match called["exceptionDetails"]["exception"]["description"].as_str() {
            None => Ok(Ok(called["result"]["value"].clone())),
            Some(description) => {
                let first = description.lines().next().unwrap_or_default();
                let text = first.strip_prefix("Error: ").unwrap_or(first);
                Err(Failed::page(text))
            }
        }
    }
}

impl Seen {
    /// A document has got so far.
    fn reach(&mut self, params: &Value) {
        let loader = params["loaderId"].as_str().unwrap_or_default();
        let name = params["name"].as_str().unwrap_or_default();
        if name == "init" {
            self.events.clear();
            loader.clone_into(&mut self.loader);
        }
        if loader == self.loader {
            self.events.insert(name.to_owned());
        }
    }

    /// Only this document, or one that follows it, is of interest.
    fn expect(&mut self, loader: &str) {
        if !loader.is_empty() && self.loader.is_empty() {
            loader.clone_into(&mut self.loader);
        }
    }
}

/// A text that a browser has to have said.
fn text(said: &Value, name: &str) -> Result<String, Failed> {
    match said[name].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(Failed::browser(format!("the browser said no {name}"))),
    }
}
