//! What has to happen to a worker's namespaces of objects before a version of it runs. Pure: whoever
//! keeps the namespaces says which there are, does the steps and keeps the tag.

use std::collections::BTreeSet;

use super::objects::{Migration, RenamedClass, TransferredClass};
use super::project::Project;

/// Which namespaces of objects there are, as far as one worker is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The worker's classes.
    pub classes: BTreeSet<String>,
    /// The tag of the migration that was applied to the worker last.
    pub tag: Option<String>,
    /// Workers and their classes, for classes that come from there. The worker's own may be among them.
    pub elsewhere: BTreeSet<(String, String)>,
    /// Workers and those of their classes that have no object. They are in nobody's way.
    pub empty: BTreeSet<(String, String)>,
}

/// One change of the namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The worker gets a class without objects.
    Create {
        /// Its name.
        class: String,
    },
    /// A class and its objects get another name. One that has that name has no objects, and gives way.
    Rename {
        /// The name until now.
        from: String,
        /// The name from now on.
        to: String,
    },
    /// A class is removed with its objects and all that they store.
    Delete {
        /// Its name.
        class: String,
    },
    /// A class and its objects come from another worker. One that has their new name has no objects, and gives way.
    Transfer {
        /// The worker that had it.
        from_script: String,
        /// Its name there.
        from: String,
        /// Its name here.
        to: String,
    },
}

/// The changes that bring the namespaces to what the configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be done in this order. When only the first of them were done, planning again gives those that remain.
    pub steps: Vec<Step>,
    /// The tag to keep when all steps are done; `None` for a configuration without migrations.
    pub tag: Option<String>,
    /// What is worth telling, each a lowercase fragment.
    pub warnings: Vec<String>,
}

/// Why migrations cannot be applied to the namespaces that there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The state was made with another configuration.
    #[error("the stored objects are at migration {tag:?}, which the configuration does not have")]
    UnknownTag {
        /// The tag.
        tag: String,
    },
    /// Nothing is there under the old name.
    #[error(
        "migration {tag:?} renames the class `{from}` to `{to}`, but no class `{from}` is stored"
    )]
    RenameOfNothing {
        /// The migration.
        tag: String,
        /// The name until then.
        from: String,
        /// The name from then on.
        to: String,
    },
    /// The new name has objects already.
    #[error("migration {tag:?} gives the class `{from}`{} the name `{to}`, which another stored class has", .from_script.as_ref().map(|script| format!(" of the worker {script}")).unwrap_or_default())]
    Taken {
        /// The migration.
        tag: String,
        /// The worker it comes from, when it is another one.
        from_script: Option<String>,
        /// The name until then.
        from: String,
        /// The name from then on.
        to: String,
    },
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownTag { .. } => {
                "put that migration back, or store objects in another folder with --persist-to".to_owned()
            }
            Self::RenameOfNothing { .. } => {
                "a migration that was applied does not count when it is changed later: create the class in a new one".to_owned()
            }
            // The first of them is for the second, which deletes only what a migration has made.
            Self::Taken { to, .. } => format!(
                "that class has objects, which would be lost: to give them up, put this before that migration: \
                 {{ \"tag\": \"…\", \"new_sqlite_classes\": [{to:?}] }}, \
                 {{ \"tag\": \"…\", \"deleted_classes\": [{to:?}] }}; or choose another name"
            ),
        }
    }
}

impl Project {
    /// The changes of stored namespaces that this version of the worker needs before it runs.
    ///
    /// Classes that are bound and in no migration are created like others; reading the configuration warns of them.
    ///
    /// # Errors
    /// When the migrations cannot be applied to what is stored.
    pub fn plan_objects(&self, known: &Known) -> Result<Plan, Error> {
        plan(self, known)
    }
}

/// The changes that apply those migrations that were not applied yet, after which the worker has at least its classes.
fn plan(project: &Project, known: &Known) -> Result<Plan, Error> {
    let migrations = &project.migrations[..];
    let pending = match &known.tag {
        None => migrations,
        Some(applied) => {
            let position = migrations
                .iter()
                .position(|migration| migration.tag == *applied);
            let Some(position) = position else {
                return Err(Error::UnknownTag {
                    tag: applied.clone(),
                });
            };
            &migrations[position + 1..]
        }
    };
    let mut planner = Planner {
        classes: known.classes.clone(),
        empty: known
            .empty
            .iter()
            .filter(|(worker, _)| *worker == project.name)
            .map(|(_, class)| class.clone())
            .collect(),
        known,
        plan: Plan::default(),
    };
    for migration in pending {
        planner.apply(migration)?;
    }
    for class in &project.object_classes {
        planner.create(class);
    }
    planner.plan.tag = match migrations.last() {
        Some(last) => Some(last.tag.clone()),
        None => known.tag.clone(),
    };
    Ok(planner.plan)
}

struct Planner<'a> {
    /// The worker's classes after the steps so far.
    classes: BTreeSet<String>,
    /// Those of them that have no object then.
    empty: BTreeSet<String>,
    known: &'a Known,
    plan: Plan,
}

impl Planner<'_> {
    fn apply(&mut self, migration: &Migration) -> Result<(), Error> {
        for class in &migration.deleted {
            if self.classes.remove(class) {
                self.empty.remove(class);
                self.plan.steps.push(Step::Delete {
                    class: class.clone(),
                });
            }
        }
        for renamed in &migration.renamed {
            self.rename(&migration.tag, renamed)?;
        }
        for transferred in &migration.transferred {
            self.transfer(&migration.tag, transferred)?;
        }
        for class in &migration.created {
            self.create(class);
        }
        Ok(())
    }

    /// A class may be there before its migration: it was bound without one, or the steps ended early.
    fn create(&mut self, class: &str) {
        if self.classes.insert(class.to_owned()) {
            self.empty.insert(class.to_owned());
            self.plan.steps.push(Step::Create {
                class: class.to_owned(),
            });
        }
    }

    fn rename(&mut self, tag: &str, RenamedClass { from, to }: &RenamedClass) -> Result<(), Error> {
        let is_empty = |class: &String| self.empty.contains(class);
        match (self.classes.contains(from), self.classes.contains(to)) {
            (true, true) if from == to => Ok(()),
            // Without objects, a class gives way; and there is nothing to rename.
            (true, true) if !is_empty(to) && is_empty(from) => Ok(()),
            (true, true) if !is_empty(to) => Err(Error::Taken {
                tag: tag.to_owned(),
                from_script: None,
                from: from.clone(),
                to: to.clone(),
            }),
            (true, _) => {
                self.classes.remove(from);
                self.classes.insert(to.clone());
                match self.empty.remove(from) {
                    true => self.empty.insert(to.clone()),
                    false => self.empty.remove(to),
                };
                self.plan.steps.push(Step::Rename {
                    from: from.clone(),
                    to: to.clone(),
                });
                Ok(())
            }
            // The steps ended early.
            (false, true) => Ok(()),
            (false, false) => Err(Error::RenameOfNothing {
                tag: tag.to_owned(),
                from: from.clone(),
                to: to.clone(),
            }),
        }
    }

    fn transfer(&mut self, tag: &str, transferred: &TransferredClass) -> Result<(), Error> {
        let TransferredClass {
            from_script,
            from,
            to,
        } = transferred;
        let source = (from_script.clone(), from.clone());
        let brings_nothing = self.known.empty.contains(&source);
        let is_empty = self.empty.contains(to);
        match (
            self.known.elsewhere.contains(&source),
            self.classes.contains(to),
        ) {
            (true, true) if !is_empty && brings_nothing => {}
            (true, true) if !is_empty => {
                return Err(Error::Taken {
                    tag: tag.to_owned(),
                    from_script: Some(from_script.clone()),
                    from: from.clone(),
                    to: to.clone(),
                });
            }
            (true, _) => {
                self.classes.insert(to.clone());
                match brings_nothing {
                    true => self.empty.insert(to.clone()),
                    false => self.empty.remove(to),
                };
                self.plan.steps.push(Step::Transfer {
                    from_script: from_script.clone(),
                    from: from.clone(),
                    to: to.clone(),
                });
            }
            // The steps ended early.
            (false, true) => {}
            (false, false) => {
                self.plan.warnings.push(format!(
                    "no class `{from}` of a worker {from_script} is stored, so `{to}` begins without objects"
                ));
                self.create(to);
            }
        }
        Ok(())
    }
}
