//! Tests of admission.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::*;

type Admitted = Pin<Box<dyn Future<Output = Result<Permit, Full>>>>;

fn ask(admission: &Arc<Admission>, client: u64, priority: Priority) -> Admitted {
    match admission.enter(Client::test(client), priority) {
        Ok(entry) => Box::pin(entry.permit()),
        Err(full) => Box::pin(std::future::ready(Err(full))),
    }
}

fn look(waiting: &mut Admitted) -> Poll<Result<Permit, Full>> {
    waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn admitted(waiting: &mut Admitted) -> Option<Permit> {
    match look(waiting) {
        Poll::Ready(Ok(permit)) => Some(permit),
        _ => None,
    }
}

/// Ends one request after another and returns the clients in the order in which they were admitted.
fn order(running: Permit, mut waiting: Vec<(u64, Admitted)>) -> Vec<u64> {
    let mut order = Vec::new();
    let mut running = Some(running);
    while !waiting.is_empty() {
        drop(running.take());
        let at = waiting.iter_mut().position(|(_, place)| {
            running = admitted(place);
            running.is_some()
        });
        order.push(waiting.remove(at.unwrap()).0);
        assert!(waiting.iter_mut().all(|(_, place)| look(place).is_pending()), "one at a time");
    }
    order
}

#[test]
fn nothing_is_admitted_before_it_opens_and_then_as_many_as_there_are_slots() {
    let admission = Admission::new(4);
    let mut places: Vec<_> = (0..4).map(|_| ask(&admission, 1, Priority::Interactive)).collect();
    assert!(places.iter_mut().all(|place| look(place).is_pending()));
    admission.open(2);
    let permits: Vec<Permit> = places.iter_mut().filter_map(admitted).collect();
    assert_eq!((permits.len(), admission.waiting()), (2, 2));
}

#[test]
fn clients_take_turns_and_who_listens_goes_first() {
    let admission = Admission::new(16);
    admission.open(1);
    let running = admitted(&mut ask(&admission, 9, Priority::Interactive)).unwrap();
    let mut waiting = Vec::new();
    for (client, priority) in [
        (4, Priority::Bulk),
        (1, Priority::Interactive),
        (1, Priority::Interactive),
        (1, Priority::Interactive),
        (2, Priority::Interactive),
        (2, Priority::Interactive),
        (3, Priority::Interactive),
    ] {
        waiting.push((client, ask(&admission, client, priority)));
    }
    assert_eq!(order(running, waiting), [1, 2, 3, 1, 2, 1, 4]);
    assert_eq!(admission.waiting(), 0);
}

#[test]
fn too_many_are_refused_at_once() {
    let admission = Admission::new(2);
    admission.open(1);
    let _running = admitted(&mut ask(&admission, 1, Priority::Interactive)).unwrap();
    let _waiting = [ask(&admission, 1, Priority::Interactive), ask(&admission, 2, Priority::Interactive)];
    assert!(admission.is_full(Client::test(1)) && admission.is_full(Client::test(3)));
    assert!(matches!(look(&mut ask(&admission, 3, Priority::Interactive)), Poll::Ready(Err(Full))));
    assert_eq!(admission.waiting(), 2);
}

#[test]
fn one_client_does_not_keep_the_others_out() {
    let admission = Admission::new(3);
    admission.open(1);
    let running = admitted(&mut ask(&admission, 1, Priority::Interactive)).unwrap();
    let mut greedy: Vec<_> = (0..3).map(|_| ask(&admission, 1, Priority::Interactive)).collect();
    assert!(admission.is_full(Client::test(1)) && !admission.is_full(Client::test(2)));
    let other = ask(&admission, 2, Priority::Interactive);
    assert!(matches!(look(&mut greedy.pop().unwrap()), Poll::Ready(Err(Full))), "the last one made room");
    let mut waiting: Vec<(u64, Admitted)> = greedy.into_iter().map(|place| (1, place)).collect();
    waiting.push((2, other));
    assert_eq!(order(running, waiting), [1, 2, 1]);
}

#[test]
fn what_goes_on_is_first_and_is_never_refused() {
    let admission = Admission::new(1);
    admission.open(1);
    let running = admitted(&mut ask(&admission, 1, Priority::Interactive)).unwrap();
    let waits = ask(&admission, 2, Priority::Interactive);
    let going_on: Vec<Admitted> = (0..2).map(|_| Box::pin(admission.go_on().permit()) as Admitted).collect();
    assert_eq!(admission.waiting(), 3);
    assert!(admission.is_full(Client::test(3)));
    let mut waiting = vec![(2, waits)];
    waiting.extend(going_on.into_iter().map(|place| (1, place)));
    assert_eq!(order(running, waiting), [1, 1, 2]);
    assert_eq!(admission.waiting(), 0);
    let at_once = admitted(&mut (Box::pin(admission.go_on().permit()) as Admitted));
    assert!(at_once.is_some(), "a slot is free");
    let gone = admission.go_on();
    drop(gone);
    drop(at_once);
    assert!(admitted(&mut ask(&admission, 1, Priority::Interactive)).is_some(), "no slot is lost");
}

#[test]
fn bulk_work_gives_way_to_who_listens() {
    let admission = Admission::new(2);
    admission.open(1);
    let bulk = admitted(&mut ask(&admission, 1, Priority::Bulk)).unwrap();
    let listened = admitted(&mut ask(&admission, 2, Priority::Interactive));
    let listened = listened.expect("the engine gives it the slot of the bulk request");
    // Both places are taken by bulk requests, of the same client even.
    let mut greedy: Vec<_> = (0..2).map(|_| ask(&admission, 1, Priority::Bulk)).collect();
    assert!(matches!(look(&mut ask(&admission, 1, Priority::Bulk)), Poll::Ready(Err(Full))));
    assert!(!admission.is_full(Client::test(1)));
    let mut first = ask(&admission, 1, Priority::Interactive);
    let mut second = ask(&admission, 1, Priority::Interactive);
    assert!(greedy.iter_mut().all(|place| matches!(look(place), Poll::Ready(Err(Full)))), "they made room");
    assert!(admission.is_full(Client::test(1)));
    drop(bulk);
    assert!(look(&mut first).is_pending(), "the slot is in use by one that somebody listens to");
    drop(listened);
    let first = admitted(&mut first).unwrap();
    assert!(look(&mut second).is_pending());
    drop(first);
    drop(admitted(&mut second).unwrap());
    assert!(admitted(&mut ask(&admission, 1, Priority::Bulk)).is_some(), "no slot is lost");
}

#[test]
fn a_place_is_given_up_by_who_leaves() {
    let admission = Admission::new(2);
    admission.open(1);
    let running = admitted(&mut ask(&admission, 1, Priority::Interactive)).unwrap();
    let gone = ask(&admission, 1, Priority::Interactive);
    let mut stays = ask(&admission, 2, Priority::Interactive);
    drop(gone);
    assert_eq!(admission.waiting(), 1);
    drop(running);
    let permit = admitted(&mut stays).unwrap();
    drop(permit);
    // Admitted, and gone before it looked.
    let permit = admitted(&mut ask(&admission, 1, Priority::Interactive)).unwrap();
    let gone = ask(&admission, 1, Priority::Interactive);
    drop(permit);
    drop(gone);
    assert!(admitted(&mut ask(&admission, 1, Priority::Interactive)).is_some(), "the slot is not lost");
}
