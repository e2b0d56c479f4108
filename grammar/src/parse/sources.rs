//! Entities, events, features and splits.

use crate::ast::{
    Availability, ColumnDecl, Feature, Features, Joined, Name, Role, Source, SourceEntry,
    SourceKind, Split, SplitRule, Type,
};
use crate::tree::{Node, Rule};

use super::Parser;

impl Parser<'_> {
    pub(super) fn source_item(&mut self, node: Node<'_>) -> Source {
        let kind = if node.has(Rule::kw_entity) {
            SourceKind::Entity
        } else {
            SourceKind::Events
        };
        let entries = node.children().filter_map(|child| match child.rule {
            Rule::source_entry => Some(self.source_entry(child)),
            Rule::err_entry => Some(SourceEntry::Error(self.span(child))),
            _ => None,
        });
        let entries = entries.collect();
        Source {
            kind,
            name: self.first_name(node),
            from: self.child_value(node),
            as_of: node.find(Rule::as_of).map(|as_of| self.first_name(as_of)),
            cond: node
                .find(Rule::row_where)
                .and_then(|cond| cond.find(Rule::cond))
                .map(|cond| self.run(cond)),
            entries,
        }
    }

    fn source_entry(&mut self, entry: Node<'_>) -> SourceEntry {
        let node = entry.first();
        match node.rule {
            Rule::key_entry => SourceEntry::Key(
                node.all(Rule::key_column)
                    .map(|key| self.key_column(key))
                    .collect(),
            ),
            Rule::unique_entry => SourceEntry::Unique(self.columns(node), self.span(node)),
            Rule::group_entry => SourceEntry::Group(self.first_name(node)),
            Rule::policy_entry => SourceEntry::Policy {
                name: node.find(Rule::policy).map_or_else(
                    || self.no_name(node),
                    |policy| Name {
                        text: self.source(policy).to_owned(),
                        span: self.span(policy),
                    },
                ),
                value: self.child_value(node),
            },
            Rule::reference_entry => {
                let columns = match node.find(Rule::from_columns) {
                    Some(columns) => self.names(columns),
                    None => node
                        .find(Rule::name_here)
                        .map(|name| vec![self.name(name)])
                        .unwrap_or_default(),
                };
                let target = node.all(Rule::name).last().map(|name| self.name(name));
                SourceEntry::Reference {
                    columns,
                    target: target.unwrap_or_else(|| self.no_name(node)),
                }
            }
            _ => SourceEntry::Column(self.column_decl(node)),
        }
    }

    fn key_column(&mut self, node: Node<'_>) -> (Name, Type) {
        (self.first_name(node), self.needed_type(node))
    }

    fn columns(&mut self, node: Node<'_>) -> Vec<Name> {
        node.find(Rule::columns)
            .map(|columns| self.names(columns))
            .unwrap_or_default()
    }

    fn column_decl(&mut self, node: Node<'_>) -> ColumnDecl {
        let known = [Rule::known_at, Rule::known_after];
        self.refuse_repeats(
            node,
            &[&[Rule::nulls], &[Rule::joined], &known, &[Rule::derived]],
        );
        let role = match node.find(Rule::role) {
            None => Role::Plain,
            Some(role) if role.has(Rule::kw_label) => Role::Label,
            Some(role) => Role::Known(role.find(Rule::name_here).map(|side| self.name(side))),
        };
        ColumnDecl {
            role,
            name: self.first_name(node),
            ty: self.child_type(node),
            value: node
                .find(Rule::derived)
                .map(|derived| self.child_value(derived)),
            joined: node.find(Rule::joined).map(|joined| self.joined(joined)),
            availability: node.children().find_map(|child| self.availability(child)),
            nulls: node.find(Rule::nulls).map(|nulls| self.child_value(nulls)),
            span: self.span(node),
        }
    }

    fn joined(&mut self, node: Node<'_>) -> Joined {
        Joined {
            source: self.first_name(node),
            on: self.columns(node),
            within: self.child_value(node),
            otherwise: node.find(Rule::value).map(|value| self.value(value)),
        }
    }

    fn availability(&mut self, node: Node<'_>) -> Option<Availability> {
        match node.rule {
            Rule::known_at => Some(Availability::At(self.first_name(node))),
            Rule::known_after => Some(Availability::After(
                self.child_value(node),
                self.first_name(node),
            )),
            _ => None,
        }
    }

    pub(super) fn features_item(&mut self, node: Node<'_>) -> Features {
        let entries = node.all(Rule::feature).map(|feature| Feature {
            docs: self.docs(feature.start),
            name: self.first_name(feature),
            value: self.child_value(feature),
            was: self.was(feature),
            span: self.span(feature),
        });
        let entries = entries.collect();
        Features {
            source: self.first_name(node),
            entries,
        }
    }

    pub(super) fn split_item(&mut self, node: Node<'_>) -> Split {
        let source = self.first_name(node);
        let last = node.find(Rule::split_last);
        let rule = match (
            last,
            node.find(Rule::split_by),
            node.find(Rule::split_random),
        ) {
            (Some(last), _, _) => SplitRule::LastPer(self.first_name(last)),
            (_, Some(by), _) => {
                let column = self.first_name(by);
                match by.find(Rule::split_per) {
                    Some(per) => SplitRule::TimePer(column, self.first_name(per)),
                    None if column.text == "day" => SplitRule::Day,
                    None => SplitRule::Time(column),
                }
            }
            (_, _, Some(random)) => SplitRule::Random(self.child_value(random)),
            _ => SplitRule::Error,
        };
        let (parent, wanted) = last.map_or((node, Rule::part), |last| (last, Rule::last_part));
        let parts = parent
            .all(wanted)
            .map(|part| (self.first_name(part), self.child_value(part)))
            .collect();
        Split {
            source,
            rule,
            parts,
        }
    }
}
