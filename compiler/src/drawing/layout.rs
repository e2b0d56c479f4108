//! Where cards and arrows lie: in columns from left to right, sources first, so that all arrows go to the right.
//!
//! A small layered layout: a card stands one column behind the last that it reads; an arrow that passes columns takes a
//! place in each; places are ordered by the middle of their neighbours until fewer arrows cross no more, and then moved as near
//! to the height of their neighbours as the order allows.

use std::collections::BTreeSet;

use super::{Card, Drawing, Kind, letters};

/// Sizes of the letters of titles and of lines.
pub(super) const TITLE: f64 = 14.0;
pub(super) const TEXT: f64 = 12.0;
/// The height of the title with what stands above it, and of a line.
pub(super) const HEAD: f64 = 40.0;
pub(super) const LINE: f64 = 17.0;
/// Room inside a card at its sides, and below its lines.
pub(super) const PAD: f64 = 12.0;
/// Room around everything.
pub(super) const MARGIN: f64 = 14.0;
/// Room between columns, and between what lies above each other.
const BETWEEN: f64 = 64.0;
const GAP: f64 = 18.0;
/// How often places are ordered and moved.
const ROUNDS: usize = 12;

/// A picture with all places, in pixels from the upper left.
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// By card.
    pub(super) boxes: Vec<Rect>,
    /// By arrow: the points that it goes through, from the side of a card to the side of another; pairs of points of one height
    /// are where it passes a column.
    pub(super) paths: Vec<Vec<(f64, f64)>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
}

/// What has a place in a column: a card, or an arrow that passes.
struct Spot {
    column: usize,
    rect: Rect,
}

struct Grid {
    /// The cards first, then passing arrows.
    spots: Vec<Spot>,
    /// Between spots of neighbouring columns.
    links: Vec<(usize, usize)>,
    /// By arrow: its spots from left to right.
    routes: Vec<Vec<usize>>,
    /// The spots of each column from top to bottom.
    columns: Vec<Vec<usize>>,
}

pub(super) fn layout(drawing: &Drawing) -> Layout {
    let mut grid = grid(drawing);
    order(&mut grid);
    place_columns(&mut grid);
    place_rows(&mut grid);
    finish(drawing, &grid)
}

fn size(card: &Card) -> (f64, f64) {
    let title = letters::width(&card.title, TITLE * 1.06).max(letters::width(&card.what, TEXT));
    let lines = card.lines.iter().map(|(left, right)| {
        let gap = if right.is_empty() { 0.0 } else { 14.0 };
        letters::width(left, TEXT) + gap + letters::width(right, TEXT)
    });
    let width = lines.fold(title, f64::max).max(96.0);
    let height = HEAD + LINE * card.lines.len() as f64 + PAD * 0.7;
    ((width + 2.0 * PAD).ceil(), height.ceil())
}

/// The column of each card: behind all that it reads. Trainings stand together in the last.
fn ranks(drawing: &Drawing) -> Vec<usize> {
    let cards = drawing.cards.len();
    let mut ranks = vec![0usize; cards];
    // Arrows form no circle, so that so many rounds are enough.
    for _ in 0..cards {
        let mut moved = false;
        for arrow in &drawing.arrows {
            let least = ranks[arrow.from] + 1;
            if ranks[arrow.to] < least && least < cards {
                ranks[arrow.to] = least;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let last = ranks.iter().copied().max().unwrap_or(0);
    for (card, rank) in drawing.cards.iter().zip(&mut ranks) {
        if card.kind == Kind::Train {
            *rank = last;
        }
    }
    // Sources stay on the left; all else moves as near as it can to what reads it.
    for _ in 0..cards {
        for at in 0..cards {
            let readers = drawing.arrows.iter().filter(|arrow| arrow.from == at);
            let nearest = readers.map(|arrow| ranks[arrow.to]).min();
            if let Some(nearest) = nearest
                && drawing.cards[at].kind != Kind::Source
            {
                ranks[at] = ranks[at].max(nearest.saturating_sub(1));
            }
        }
    }
    ranks
}

fn grid(drawing: &Drawing) -> Grid {
    let ranks = ranks(drawing);
    let mut spots: Vec<Spot> = drawing
        .cards
        .iter()
        .zip(&ranks)
        .map(|(card, rank)| {
            let (width, height) = size(card);
            Spot {
                column: *rank,
                rect: Rect {
                    width,
                    height,
                    ..Rect::default()
                },
            }
        })
        .collect();
    let (mut links, mut routes) = (Vec::new(), Vec::new());
    for arrow in &drawing.arrows {
        let mut route = vec![arrow.from];
        for column in ranks[arrow.from] + 1..ranks[arrow.to] {
            let rect = Rect {
                height: 6.0,
                ..Rect::default()
            };
            spots.push(Spot { column, rect });
            route.push(spots.len() - 1);
        }
        route.push(arrow.to);
        links.extend(route.windows(2).map(|pair| (pair[0], pair[1])));
        routes.push(route);
    }
    let last = ranks.iter().copied().max().unwrap_or(0);
    let mut columns = vec![Vec::new(); last + 1];
    for (at, spot) in spots.iter().enumerate() {
        columns[spot.column].push(at);
    }
    Grid {
        spots,
        links,
        routes,
        columns,
    }
}

/// Sorts each column by the mean place of what its spots are linked with, to and fro, and keeps the order with the fewest
/// crossings.
fn order(grid: &mut Grid) {
    let mut best = (crossings(grid), grid.columns.clone());
    for round in 0..ROUNDS {
        let forth = round % 2 == 0;
        let columns = grid.columns.len();
        for step in 1..columns {
            let column = if forth { step } else { columns - 1 - step };
            let place = places(grid);
            let mean = |spot: usize| {
                let near: Vec<usize> = neighbours(grid, spot, forth).collect();
                match near.is_empty() {
                    true => place[spot],
                    false => near.iter().map(|at| place[*at]).sum::<f64>() / near.len() as f64,
                }
            };
            let mut sorted = grid.columns[column].clone();
            sorted.sort_by(|a, b| mean(*a).total_cmp(&mean(*b)));
            grid.columns[column] = sorted;
        }
        let now = crossings(grid);
        if now < best.0 {
            best = (now, grid.columns.clone());
        }
    }
    grid.columns = best.1;
}

/// The place of each spot in its column, from 0 to 1.
fn places(grid: &Grid) -> Vec<f64> {
    let mut places = vec![0.0; grid.spots.len()];
    for column in &grid.columns {
        for (at, spot) in column.iter().enumerate() {
            places[*spot] = (at as f64 + 0.5) / column.len() as f64;
        }
    }
    places
}

/// The linked spots on the left, or else on the right.
fn neighbours(grid: &Grid, spot: usize, left: bool) -> impl Iterator<Item = usize> + '_ {
    grid.links.iter().filter_map(move |(a, b)| match left {
        true => (*b == spot).then_some(*a),
        false => (*a == spot).then_some(*b),
    })
}

fn crossings(grid: &Grid) -> usize {
    let place = places(grid);
    let mut count = 0;
    for (at, (a, b)) in grid.links.iter().enumerate() {
        for (c, d) in &grid.links[at + 1..] {
            if grid.spots[*a].column != grid.spots[*c].column {
                continue;
            }
            let (left, right) = (place[*a] - place[*c], place[*b] - place[*d]);
            if left * right < 0.0 {
                count += 1;
            }
        }
    }
    count
}

fn place_columns(grid: &mut Grid) {
    let mut x = MARGIN;
    for column in &grid.columns {
        let widest = column
            .iter()
            .map(|spot| grid.spots[*spot].rect.width)
            .fold(0.0, f64::max);
        for spot in column {
            let rect = &mut grid.spots[*spot].rect;
            rect.x = x;
            rect.width = widest;
        }
        x += widest + BETWEEN;
    }
}

fn place_rows(grid: &mut Grid) {
    for column in &grid.columns {
        let mut y = 0.0;
        for spot in column {
            let rect = &mut grid.spots[*spot].rect;
            rect.y = y;
            y += rect.height + GAP;
        }
    }
    for round in 0..ROUNDS {
        for step in 0..grid.columns.len() {
            let column = match round % 2 {
                0 => step,
                _ => grid.columns.len() - 1 - step,
            };
            settle(grid, column);
        }
    }
    let top = grid
        .spots
        .iter()
        .map(|spot| spot.rect.y)
        .fold(f64::MAX, f64::min);
    for spot in &mut grid.spots {
        spot.rect.y += MARGIN - top;
    }
}

/// Moves the spots of a column as near as their order allows to the mean height of what they are linked with: the least
/// squares under the gaps, by pooling neighbours that want to pass each other.
fn settle(grid: &mut Grid, column: usize) {
    struct Pool {
        wanted: f64,
        weight: f64,
        spots: usize,
    }
    let spots = grid.columns[column].clone();
    let mut offsets = Vec::new();
    let mut y = 0.0;
    for spot in &spots {
        offsets.push(y);
        y += grid.spots[*spot].rect.height + GAP;
    }
    let mut pools: Vec<Pool> = Vec::new();
    for (at, spot) in spots.iter().enumerate() {
        let rect = grid.spots[*spot].rect;
        let near: BTreeSet<usize> = neighbours(grid, *spot, true)
            .chain(neighbours(grid, *spot, false))
            .collect();
        let middle = match near.is_empty() {
            true => rect.middle(),
            false => {
                let middles = near.iter().map(|other| grid.spots[*other].rect.middle());
                middles.sum::<f64>() / near.len() as f64
            }
        };
        // Straight arrows across columns are worth more than a card in the very middle.
        let weight = if rect.height < 10.0 { 2.0 } else { 1.0 };
        pools.push(Pool {
            wanted: middle - rect.height / 2.0 - offsets[at],
            weight,
            spots: 1,
        });
        while let [.., a, b] = &pools[..]
            && a.wanted > b.wanted
        {
            let weight = a.weight + b.weight;
            let pooled = Pool {
                wanted: (a.wanted * a.weight + b.wanted * b.weight) / weight,
                weight,
                spots: a.spots + b.spots,
            };
            pools.truncate(pools.len() - 2);
            pools.push(pooled);
        }
    }
    let wanted = pools
        .iter()
        .flat_map(|pool| std::iter::repeat_n(pool.wanted, pool.spots));
    for ((spot, offset), wanted) in spots.iter().zip(&offsets).zip(wanted) {
        grid.spots[*spot].rect.y = wanted + offset;
    }
}

/// The side of a card at which an arrow begins or ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Leaving,
    Coming,
}

/// The height at which an arrow meets a card: arrows at one side are spread in the order of where they go.
fn port(drawing: &Drawing, grid: &Grid, arrow: usize, side: Side) -> f64 {
    let card = |arrow: usize| match side {
        Side::Leaving => drawing.arrows[arrow].from,
        Side::Coming => drawing.arrows[arrow].to,
    };
    let next = |arrow: &usize| {
        let route = &grid.routes[*arrow];
        let spot = match side {
            Side::Leaving => route[1],
            Side::Coming => route[route.len() - 2],
        };
        grid.spots[spot].rect.middle()
    };
    let mut at_side: Vec<usize> = (0..drawing.arrows.len())
        .filter(|other| card(*other) == card(arrow))
        .collect();
    at_side.sort_by(|a, b| next(a).total_cmp(&next(b)));
    let rect = grid.spots[card(arrow)].rect;
    let step = (rect.height / (at_side.len() as f64 + 1.0)).min(16.0);
    let place = at_side.iter().position(|other| *other == arrow);
    let from_middle = place.unwrap_or(0) as f64 - (at_side.len() as f64 - 1.0) / 2.0;
    rect.middle() + step * from_middle
}

fn finish(drawing: &Drawing, grid: &Grid) -> Layout {
    let spots = grid.spots.iter();
    let boxes: Vec<Rect> = spots
        .take(drawing.cards.len())
        .map(|spot| spot.rect)
        .collect();
    let paths = grid
        .routes
        .iter()
        .enumerate()
        .map(|(at, route)| {
            let arrow = &drawing.arrows[at];
            let (from, to) = (boxes[arrow.from], boxes[arrow.to]);
            let mut points = vec![(from.x + from.width, port(drawing, grid, at, Side::Leaving))];
            for spot in &route[1..route.len() - 1] {
                let rect = grid.spots[*spot].rect;
                points.push((rect.x, rect.middle()));
                points.push((rect.x + rect.width, rect.middle()));
            }
            points.push((to.x, port(drawing, grid, at, Side::Coming)));
            points
        })
        .collect();
    let ends = |end: fn(&Rect) -> f64| {
        let rects = grid.spots.iter().map(|spot| &spot.rect);
        rects.map(end).fold(0.0, f64::max) + MARGIN
    };
    Layout {
        width: ends(|rect| rect.x + rect.width),
        height: ends(|rect| rect.y + rect.height),
        boxes,
        paths,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Arrow, Card, Drawing, Flowing, Kind};
    use super::layout;

    fn drawing(cards: usize, arrows: &[(usize, usize)]) -> Drawing {
        let card = |at: usize| Card {
            kind: Kind::Tower,
            what: "tower".to_owned(),
            title: format!("t{at}"),
            lines: Vec::new(),
        };
        Drawing {
            cards: (0..cards).map(card).collect(),
            arrows: arrows
                .iter()
                .map(|(from, to)| Arrow {
                    from: *from,
                    to: *to,
                    kind: Flowing::Gradient,
                    note: String::new(),
                })
                .collect(),
        }
    }

    #[test]
    fn arrows_go_to_the_right_and_cards_do_not_overlap() {
        let arrows = [(0, 3), (1, 3), (2, 4), (3, 5), (4, 5), (0, 5), (1, 4)];
        let placed = layout(&drawing(6, &arrows));
        for path in &placed.paths {
            assert!(
                path.windows(2).all(|pair| pair[0].0 <= pair[1].0),
                "{path:?}"
            );
        }
        for (at, a) in placed.boxes.iter().enumerate() {
            for b in &placed.boxes[at + 1..] {
                let beside = a.x + a.width < b.x || b.x + b.width < a.x;
                let above = a.y + a.height < b.y || b.y + b.height < a.y;
                assert!(beside || above, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn cards_are_ordered_so_that_arrows_do_not_cross() {
        let placed = layout(&drawing(4, &[(0, 3), (1, 2)]));
        let y = |card: usize| placed.boxes[card].y;
        assert_eq!(y(0) < y(1), y(3) < y(2));
    }

    #[test]
    fn a_picture_of_nothing_has_a_size() {
        let placed = layout(&Drawing::default());
        assert!(placed.width > 0.0 && placed.height.is_finite());
    }
}
