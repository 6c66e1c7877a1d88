//! The parts of frames that have to do with calls and code.

use protocol::{
    Code, CodeLimits, CodeModule, Derive, EventId, FromIsolate, Given, Invocation, ModuleKind,
    Outbound, Parcel, Passed,
};

use crate::Parts;

impl Parts {
    fn parcel<T>(&self, refers: Vec<T>) -> Parcel<'_, T> {
        Parcel {
            value: &self.bytes,
            refers,
        }
    }

    pub(crate) fn given(&self) -> Parcel<'_, Given> {
        self.parcel(vec![
            Given::Stub(self.id),
            Given::Fetcher(self.other),
            Given::Namespace {
                capability: self.id,
                key: [self.body; 32],
            },
            Given::Object {
                capability: self.other,
                id: [self.choice; 32],
                name: self.flag.then(|| self.more.clone()),
            },
            Given::Stream {
                id: self.id,
                length: self.flag.then_some(u64::from(self.other)),
            },
            Given::Loader(self.id),
            Given::Class(self.other),
            Given::Nothing,
        ])
    }

    pub(crate) fn passed(&self) -> Parcel<'_, Passed> {
        self.parcel(vec![
            Passed::Export {
                id: self.id,
                object: self.flag.then_some(self.other),
            },
            Passed::Capability(self.other),
            Passed::Stream {
                id: self.id,
                length: self.flag.then_some(u64::from(self.other)),
            },
            Passed::Forward(self.id),
        ])
    }

    pub(crate) fn arrived(&self, caller: Option<EventId>) -> FromIsolate<'_> {
        FromIsolate::Arrived {
            id: self.id,
            object: self.other,
            caller,
        }
    }

    pub(crate) fn pass_on(&self) -> FromIsolate<'_> {
        FromIsolate::PassOn {
            call: self.id,
            object: self.other,
            value: self.passed(),
        }
    }

    pub(crate) fn invocation<'a, T>(&'a self, arguments: Parcel<'a, T>) -> Invocation<'a, T> {
        Invocation {
            path: vec![&self.text, &self.more],
            arguments: self.flag.then_some(arguments),
        }
    }

    fn limits(&self) -> CodeLimits {
        CodeLimits {
            cpu_ms: self.flag.then_some(self.id),
            memory_bytes: Some(u64::from(self.other)),
            ..CodeLimits::default()
        }
    }

    pub(crate) fn derive(&self) -> Derive<'_> {
        let name = self.flag.then_some(self.more.as_str());
        match self.body % 6 {
            0 => Derive::Export {
                id: self.other,
                object: self.flag.then_some(self.id),
            },
            1 => Derive::Object {
                from: self.other,
                id: [self.choice; 32],
                name,
            },
            2 => Derive::Entrypoint {
                from: self.other,
                name,
                props: self.flag.then(|| self.passed()),
                limits: self.limits(),
            },
            3 => Derive::Class {
                from: self.other,
                name: &self.text,
                props: self.flag.then(|| self.passed()),
                limits: self.limits(),
            },
            4 => Derive::Facet {
                object: self.other,
                name: &self.text,
            },
            _ => Derive::Worker {
                from: self.other,
                id: name,
                code: Box::new(Code {
                    main: &self.text,
                    compatibility_date: &self.more,
                    compatibility_flags: vec![&self.text],
                    modules: vec![CodeModule {
                        name: &self.text,
                        kind: ModuleKind::CommonJs,
                        content: &self.bytes,
                    }],
                    env: self.flag.then(|| self.passed()),
                    outbound: match self.choice % 3 {
                        0 => Outbound::Inherit,
                        1 => Outbound::Nothing,
                        _ => Outbound::Capability(self.id),
                    },
                    tails: vec![self.id; usize::from(self.body % 3)],
                    limits: self.limits(),
                }),
            },
        }
    }
}
