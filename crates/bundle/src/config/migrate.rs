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
}

/// One change of the namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The worker gets a class without objects.
    Create {
        /// Its name.
        class: String,
    },
    /// A class and its objects get another name.
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
    /// A class and its objects come from another worker.
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
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownTag { .. } => {
                "put that migration back, or store objects in another folder with --persist-to"
            }
            Self::RenameOfNothing { .. } => {
                "a migration that was applied does not count when it is changed later: create the class in a new one"
            }
            Self::Taken { .. } => {
                "its objects would be lost: delete that class in a migration before, or choose another name"
            }
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
        plan(&self.migrations, &self.object_classes, known)
    }
}

/// The changes that apply those of `migrations` that were not applied yet, after which the worker has at least `classes`.
fn plan(migrations: &[Migration], classes: &[String], known: &Known) -> Result<Plan, Error> {
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
        elsewhere: &known.elsewhere,
        plan: Plan::default(),
    };
    for migration in pending {
        planner.apply(migration)?;
    }
    for class in classes {
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
    elsewhere: &'a BTreeSet<(String, String)>,
    plan: Plan,
}

impl Planner<'_> {
    fn apply(&mut self, migration: &Migration) -> Result<(), Error> {
        for class in &migration.deleted {
            if self.classes.remove(class) {
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
            self.plan.steps.push(Step::Create {
                class: class.to_owned(),
            });
        }
    }

    fn rename(&mut self, tag: &str, RenamedClass { from, to }: &RenamedClass) -> Result<(), Error> {
        match (self.classes.contains(from), self.classes.contains(to)) {
            (true, false) => {
                self.classes.remove(from);
                self.classes.insert(to.clone());
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
            (true, true) => Err(Error::Taken {
                tag: tag.to_owned(),
                from_script: None,
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
        match (self.elsewhere.contains(&source), self.classes.contains(to)) {
            (true, false) => {
                self.classes.insert(to.clone());
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
            (true, true) => {
                return Err(Error::Taken {
                    tag: tag.to_owned(),
                    from_script: Some(from_script.clone()),
                    from: from.clone(),
                    to: to.clone(),
                });
            }
        }
        Ok(())
    }
}
