//! The lines in which two texts differ.

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;

/// A step of an edit, by the numbers of lines: in both texts, only in the old, only in the new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    Keep(usize, usize),
    Drop(usize),
    Add(usize),
}

/// What has become of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Kept,
    Gone,
    New,
}

/// A diff under the name of the file; changes that lie near one another share a hunk. Empty for equal texts.
pub(crate) fn diff(name: &str, old: &str, new: &str) -> String {
    let (olds, news): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let lines: Vec<(Mark, &str)> = edits(&olds, &news)
        .into_iter()
        .map(|edit| match edit {
            Edit::Keep(at, _) => (Mark::Kept, olds[at]),
            Edit::Drop(at) => (Mark::Gone, olds[at]),
            Edit::Add(at) => (Mark::New, news[at]),
        })
        .collect();
    let out = hunks(name, 1, &lines);
    if out.is_empty() && old != new {
        return format!("{name}: line ends differ\n");
    }
    out
}

/// Changed lines between their neighbours, each hunk under the name of the file and its line in the old text, whose first
/// line has the number `first`.
pub(crate) fn hunks(name: &str, first: usize, lines: &[(Mark, &str)]) -> String {
    let shown: Vec<bool> = (0..lines.len())
        .map(|at| {
            let near = &lines[at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len())];
            near.iter().any(|(mark, _)| *mark != Mark::Kept)
        })
        .collect();
    let mut out = String::new();
    let mut line = first;
    for (at, (mark, text)) in lines.iter().enumerate() {
        if shown[at] {
            if at == 0 || !shown[at - 1] {
                out += &format!("{name}:{line}\n");
            }
            let sign = match mark {
                Mark::Kept => ' ',
                Mark::Gone => '-',
                Mark::New => '+',
            };
            out += format!("{sign} {text}").trim_end();
            out.push('\n');
        }
        if *mark != Mark::New {
            line += 1;
        }
    }
    out
}

/// A shortest edit by the longest common subsequence, after equal lines at both ends were set aside.
pub(crate) fn edits<T: PartialEq>(old: &[T], new: &[T]) -> Vec<Edit> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let mut edits: Vec<Edit> = (0..head).map(|at| Edit::Keep(at, at)).collect();
    let middle = edits_of_middle(&old[head..old_end], &new[head..new_end]);
    edits.extend(middle.into_iter().map(|edit| match edit {
        Edit::Keep(a, b) => Edit::Keep(a + head, b + head),
        Edit::Drop(a) => Edit::Drop(a + head),
        Edit::Add(b) => Edit::Add(b + head),
    }));
    edits.extend((0..tail).map(|at| Edit::Keep(old_end + at, new_end + at)));
    edits
}

fn edits_of_middle<T: PartialEq>(old: &[T], new: &[T]) -> Vec<Edit> {
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
            edits.push(Edit::Keep(a, b));
            (a, b) = (a + 1, b + 1);
        } else if b == new.len()
            || (a < old.len() && common[(a + 1) * width + b] >= common[a * width + b + 1])
        {
            edits.push(Edit::Drop(a));
            a += 1;
        } else {
            edits.push(Edit::Add(b));
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
