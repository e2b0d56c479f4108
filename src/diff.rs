//! The lines in which two texts differ.

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;

/// A line of the edit: unchanged, only in the old text, only in the new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit<'a> {
    Keep(&'a str),
    Drop(&'a str),
    Add(&'a str),
}

/// A diff under the name of the file; changes that lie near one another share a hunk. Empty for equal texts.
pub(crate) fn diff(name: &str, old: &str, new: &str) -> String {
    let edits = edits(
        &old.lines().collect::<Vec<_>>(),
        &new.lines().collect::<Vec<_>>(),
    );
    let shown: Vec<bool> = (0..edits.len())
        .map(|at| {
            let near = &edits[at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(edits.len())];
            near.iter().any(|edit| !matches!(edit, Edit::Keep(_)))
        })
        .collect();
    let mut out = String::new();
    let mut line = 1;
    for (at, edit) in edits.iter().enumerate() {
        if shown[at] {
            if at == 0 || !shown[at - 1] {
                out += &format!("{name}:{line}\n");
            }
            let (mark, text) = match edit {
                Edit::Keep(text) => (' ', text),
                Edit::Drop(text) => ('-', text),
                Edit::Add(text) => ('+', text),
            };
            out += format!("{mark} {text}").trim_end();
            out.push('\n');
        }
        if !matches!(edit, Edit::Add(_)) {
            line += 1;
        }
    }
    if out.is_empty() && old != new {
        out = format!("{name}: line ends differ\n");
    }
    out
}

/// A shortest edit by the longest common subsequence, after equal lines at both ends were set aside.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Edit<'a>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old_mid, new_mid) = (
        &old_rest[..old_rest.len() - tail],
        &new_rest[..new_rest.len() - tail],
    );
    let mut edits: Vec<Edit> = old[..head].iter().map(|line| Edit::Keep(line)).collect();
    edits.extend(edits_of_middle(old_mid, new_mid));
    edits.extend(
        old_rest[old_rest.len() - tail..]
            .iter()
            .map(|line| Edit::Keep(line)),
    );
    edits
}

fn edits_of_middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Edit<'a>> {
    let width = new.len() + 1;
    let mut common = vec![0u32; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            common[a * width + b] = if old[a] == new[b] {
                common[(a + 1) * width + b + 1] + 1
            } else {
                common[(a + 1) * width + b].max(common[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b, mut edits) = (0, 0, Vec::new());
    while a < old.len() || b < new.len() {
        if a < old.len() && b < new.len() && old[a] == new[b] {
            edits.push(Edit::Keep(old[a]));
            (a, b) = (a + 1, b + 1);
        } else if b == new.len()
            || (a < old.len() && common[(a + 1) * width + b] >= common[a * width + b + 1])
        {
            edits.push(Edit::Drop(old[a]));
            a += 1;
        } else {
            edits.push(Edit::Add(new[b]));
            b += 1;
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn equal_texts_have_no_diff() {
        assert_eq!(diff("a.rec", "x\ny\n", "x\ny\n"), "");
    }

    #[test]
    fn a_changed_line_is_shown_between_its_neighbours() {
        let old = "a\nb\nc\nd\ne\nf\n";
        let new = "a\nb\nc\nD\ne\nf\n";
        assert_eq!(
            diff("a.rec", old, new),
            "a.rec:2\n  b\n  c\n- d\n+ D\n  e\n  f\n"
        );
    }

    #[test]
    fn changes_far_apart_have_hunks_of_their_own() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let new = "2\n3\n4\n5\n6\n7\n";
        assert_eq!(
            diff("a", old, new),
            "a:1\n- 1\n  2\n  3\na:6\n  6\n  7\n- 8\n"
        );
    }

    #[test]
    fn a_difference_of_line_ends_alone_is_said() {
        assert_eq!(diff("a", "x", "x\n"), "a: line ends differ\n");
    }
}
