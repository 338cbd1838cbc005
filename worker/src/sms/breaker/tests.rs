use super::*;

const FAILED: SubmitResult = SubmitResult::Indeterminate { silent: false };
const TAKEN: SubmitResult = SubmitResult::Accepted { message_id: None };
const FIRST_TRY: SendHistory = SendHistory::NONE;

/// A job that has one try left, and half of its deadline before it or behind it.
fn last_try(now: Instant, half_is_past: bool) -> SendHistory {
    let half = if half_is_past {
        now.checked_sub(Duration::from_millis(1)).unwrap()
    } else {
        Instant::now() + Duration::from_mins(2)
    };
    SendHistory { left_open: Some(now), open: 1, half_deadline: Some(half), ..FIRST_TRY }
}

fn closed(now: Instant) -> Breaker {
    let breaker = Breaker::default();
    for _ in 0..FAILURES {
        assert_eq!(breaker.admit(now, &FIRST_TRY), Ok(()));
        breaker.note(&FAILED, now);
    }
    breaker
}

#[test]
fn failures_in_a_row_close_the_channel_and_others_do_not() {
    let now = Instant::now();
    assert_eq!(closed(now).admit(now, &FIRST_TRY), Err(CLOSED_FOR.grown(0)));
    let breaker = Breaker::default();
    for _ in 0..10 {
        for _ in 1..FAILURES {
            breaker.note(&FAILED, now);
        }
        breaker.note(&TAKEN, now);
    }
    assert_eq!(breaker.admit(now, &FIRST_TRY), Ok(()));
}

#[test]
fn one_message_probes_a_closed_channel_and_opens_it_or_closes_it_for_longer() {
    let now = Instant::now();
    let breaker = closed(now);
    let later = now + CLOSED_FOR.grown(0);
    assert_eq!(breaker.admit(later, &FIRST_TRY), Ok(()));
    assert_eq!(breaker.admit(later, &FIRST_TRY), Err(WHILE_PROBED), "the others wait");
    breaker.note(&FAILED, later);
    assert_eq!(breaker.admit(later, &FIRST_TRY), Err(CLOSED_FOR.grown(1)));
    let much_later = later + CLOSED_FOR.grown(1);
    assert_eq!(breaker.admit(much_later, &FIRST_TRY), Ok(()));
    breaker.note(&TAKEN, much_later);
    let admitted = [(); 2].map(|()| breaker.admit(much_later, &FIRST_TRY));
    assert_eq!(admitted, [Ok(()), Ok(())]);
}

#[test]
fn what_was_on_its_way_when_it_was_closed_does_not_close_it_for_longer() {
    let now = Instant::now();
    let breaker = closed(now);
    for _ in 0..64 {
        breaker.note(&FAILED, now);
    }
    assert_eq!(breaker.admit(now, &FIRST_TRY), Err(CLOSED_FOR.grown(0)));
}

#[test]
fn a_probe_that_is_never_heard_of_again_does_not_close_the_channel_for_ever() {
    let now = Instant::now();
    let breaker = closed(now);
    assert_eq!(breaker.admit(now + CLOSED_FOR.grown(0), &FIRST_TRY), Ok(()));
    assert_eq!(breaker.admit(now + CLOSED_FOR.grown(0) + PROBE_LIMIT, &FIRST_TRY), Ok(()));
}

#[test]
fn a_gateway_that_asks_to_wait_is_left_alone_for_so_long_and_no_longer_than_a_minute() {
    let now = Instant::now();
    let breaker = Breaker::default();
    let asks = |seconds| SubmitResult::Deferred { retry_after: Duration::from_secs(seconds) };
    breaker.note(&asks(7), now);
    assert_eq!(breaker.admit(now, &FIRST_TRY), Err(Duration::from_secs(7)));
    assert_eq!(breaker.admit(now + Duration::from_secs(7), &FIRST_TRY), Ok(()));
    breaker.note(&asks(86_400), now);
    assert_eq!(breaker.admit(now, &FIRST_TRY), Err(LONGEST_ASKED));
}

#[test]
fn one_that_asks_for_no_wait_at_all_is_closed_like_any_that_fails() {
    let now = Instant::now();
    let breaker = Breaker::default();
    for _ in 0..FAILURES {
        breaker.note(&SubmitResult::Deferred { retry_after: Duration::ZERO }, now);
    }
    assert!(!breaker.is_open());
    assert_eq!(breaker.admit(now, &FIRST_TRY), Err(CLOSED_FOR.grown(0)));
}

#[test]
fn what_the_gateway_never_saw_is_not_its_failure() {
    let now = Instant::now();
    let breaker = Breaker::default();
    for _ in 0..100 {
        breaker.note(&SubmitResult::Held { retry_after: None }, now);
    }
    assert!(breaker.is_open());
}

#[test]
fn a_probe_that_the_gateway_never_saw_is_made_by_the_next_message() {
    let now = Instant::now();
    let breaker = closed(now);
    let due = now + CLOSED_FOR.grown(0);
    assert_eq!(breaker.admit(due, &FIRST_TRY), Ok(()));
    breaker.note(&SubmitResult::Held { retry_after: None }, due);
    assert_eq!(breaker.admit(due, &FIRST_TRY), Ok(()));
    assert_eq!(breaker.admit(due, &FIRST_TRY), Err(WHILE_PROBED));
}

#[test]
fn a_message_that_the_gateway_never_saw_does_not_end_its_rest() {
    let now = Instant::now();
    let breaker = Breaker::default();
    breaker.note(&SubmitResult::Deferred { retry_after: Duration::from_secs(7) }, now);
    breaker.note(&SubmitResult::Held { retry_after: None }, now);
    assert_eq!(breaker.admit(now, &FIRST_TRY), Err(Duration::from_secs(7)));
}

#[test]
fn a_last_try_waits_until_a_message_was_taken_since_or_half_the_deadline_is_past() {
    let now = Instant::now();
    let breaker = Breaker::default();
    let (early, late) = (last_try(now, false), last_try(now, true));
    for taken in [now.checked_sub(Duration::from_secs(1)).unwrap(), now] {
        breaker.note(&TAKEN, taken);
        assert_eq!(breaker.admit(now, &early), Err(UNTIL_ACCEPTED), "that one was not taken since");
        assert_eq!(breaker.admit(now, &late), Ok(()));
    }
    breaker.note(&TAKEN, now + Duration::from_millis(1));
    assert_eq!(breaker.admit(now + Duration::from_millis(2), &early), Ok(()));
    for result in [SubmitResult::Rejected, SubmitResult::ChannelUnavailable] {
        breaker.note(&result, now + Duration::from_millis(2));
        assert_eq!(breaker.admit(now + Duration::from_millis(3), &early), Ok(()), "{result:?} came after it");
    }
}

#[test]
fn jobs_never_handed_over_probe_first() {
    let now = Instant::now();
    let breaker = closed(now);
    let due = now + CLOSED_FOR.grown(0);
    assert_eq!(breaker.admit(due, &last_try(now, true)), Err(RESERVED_FOR_FIRST_TRIES));
    assert_eq!(breaker.may_go(due, &last_try(now, true)), Err(RESERVED_FOR_FIRST_TRIES));
    assert_eq!([(); 2].map(|()| breaker.may_go(due, &FIRST_TRY)), [Ok(()), Ok(())], "asking makes no probe");
    assert_eq!(breaker.admit(due + RESERVED_FOR_FIRST_TRIES, &last_try(now, true)), Ok(()));
}

#[test]
fn only_failures_in_a_row_close_it_and_a_probe_alone_does_not_open_it() {
    let now = Instant::now();
    let breaker = Breaker::default();
    assert!(breaker.is_open());
    for result in [SubmitResult::Rejected, SubmitResult::ChannelUnavailable] {
        (0..=FAILURES).for_each(|_| breaker.note(&result, now));
        assert!(breaker.is_open(), "{result:?} is an answer");
    }
    (1..FAILURES).for_each(|_| breaker.note(&FAILED, now));
    assert!(breaker.is_open());
    breaker.note(&FAILED, now);
    assert!(!breaker.is_open());
    let due = now + CLOSED_FOR.grown(0);
    assert_eq!(breaker.admit(due, &FIRST_TRY), Ok(()));
    assert!(!breaker.is_open(), "its probe is on its way");
    breaker.note(&TAKEN, due);
    assert!(breaker.is_open());
}

#[test]
fn one_message_goes_first_when_a_gateway_has_rested() {
    let now = Instant::now();
    let breaker = Breaker::default();
    let (asked, rested) = (Duration::from_secs(7), now + Duration::from_secs(7));
    breaker.note(&SubmitResult::Throttled { retry_after: Some(asked) }, now);
    assert!(!breaker.takes_messages(now) && breaker.takes_messages(rested) && breaker.is_open());
    assert_eq!(breaker.admit(rested, &FIRST_TRY), Ok(()));
    assert_eq!(breaker.admit(rested, &FIRST_TRY), Err(WHILE_PROBED));
    breaker.note(&FAILED, rested);
    assert_eq!(breaker.admit(rested, &FIRST_TRY), Ok(()), "no longer rest was asked for");
    breaker.note(&TAKEN, rested);
    assert_eq!([(); 2].map(|()| breaker.admit(rested, &FIRST_TRY)), [Ok(()), Ok(())]);
}

#[test]
fn a_due_probe_is_one_jobs_who_is_told_so_before_its_look_ups() {
    let now = Instant::now();
    let breaker = closed(now);
    let due = now + CLOSED_FOR.grown(0);
    let retry = SendHistory { is_retry: true, ..FIRST_TRY };
    assert_eq!(breaker.claim(due, &retry), Err(RESERVED_FOR_NEW), "new jobs have theirs behind them");
    assert_eq!(breaker.claim(due, &FIRST_TRY), Ok(()));
    assert_eq!(breaker.claim(due, &FIRST_TRY), Err(WHILE_PROBED));
    assert_eq!(breaker.claim(due + CLAIMED_FOR, &retry), Ok(()), "who claimed it needed it not");
    assert_eq!(breaker.admit(due + CLAIMED_FOR, &retry), Ok(()));
    breaker.note(&TAKEN, due + CLAIMED_FOR);
    assert_eq!([(); 2].map(|()| breaker.claim(due + CLAIMED_FOR, &retry)), [Ok(()), Ok(())]);
}
