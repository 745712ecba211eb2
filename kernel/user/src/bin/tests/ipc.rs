//! Messages between processes, with partners that behave and that do not.

use crate::harness::{TestResult, now, sleep};
use crate::{check, check_eq, tests};
use veridian::abi::well_known::{CONSOLE, PROCESS};
use veridian::abi::{MessageInfo, fault, number, rights};
use veridian::ipc::{self, Channel, Endpoint, Message, Namespace, Notification, Server};
use veridian::memory::{Memory, READ, WRITE};
use veridian::process::{self, Process};
use veridian::{Error, sys};

const MILLISECOND: u64 = 1_000_000;

/// A server in a process of its own that answers each message with its words plus one, and the badge
/// as the label.
fn adder(endpoint: Endpoint) -> veridian::Result<Process> {
    process::spawn(move || {
        let mut server = Server::new(endpoint);
        while let Ok(received) = server.next() {
            let mut answer = received.message;
            answer.cap_count = 0;
            answer.words[..answer.length]
                .iter_mut()
                .for_each(|word| *word += 1);
            server.reply(answer.labelled(received.badge as u32));
        }
        0
    })
}

/// Gives a server that has just answered the time to wait again.
fn server_is_back() {
    sleep(5 * MILLISECOND);
}

fn end(server: Process) -> TestResult {
    server.kill(0)?;
    server.join()?;
    Ok(())
}

tests! {
    fn calls_of_every_length_come_back_whole() {
        let endpoint = Endpoint::create()?;
        let server = adder(endpoint)?;
        for length in 0..=16 {
            let mut message = Message { length, ..Message::default() };
            (0..length).for_each(|i| message.words[i] = (i as u64 + 1) << 40 | length as u64);
            let answer = endpoint.call(message)?;
            check_eq!(answer.length, length);
            for i in 0..length {
                check_eq!(answer.words[i], message.words[i] + 1);
            }
        }
        end(server)?;
    }
    fn a_thousand_calls_keep_their_order() {
        let endpoint = Endpoint::create()?;
        let server = adder(endpoint)?;
        for round in 0..1000 {
            check_eq!(endpoint.call(Message::from([round]))?.words[0], round + 1);
        }
        end(server)?;
    }
    fn round_trips_are_counted_and_sampled() {
        let endpoint = Endpoint::create()?;
        let server = adder(endpoint)?;
        for _ in 0..200 {
            endpoint.call(Message::from([1, 2]))?;
        }
        let mut metrics = [0u64; 13];
        let length = size_of_val(&metrics) as u64;
        sys::endpoint_metrics(endpoint.0, metrics.as_mut_ptr() as u64, length).check()?;
        let [fast, slow, words, _, blocked, histogram @ ..] = metrics;
        let sampled: u64 = histogram.iter().map(|pair| (pair & 0xffff_ffff) + (pair >> 32)).sum();
        check_eq!(fast + slow, 200);
        check_eq!(words, 400);
        check!((3..=slow).contains(&sampled), "{sampled} samples of {slow} slow calls");
        check!(blocked > 0);
        end(server)?;
    }
    fn badges_tell_senders_apart_and_cannot_be_forged() {
        let endpoint = Endpoint::create()?;
        let server = adder(endpoint)?;
        let red = endpoint.mint(rights::WRITE | rights::DERIVE, 77)?;
        let blue = endpoint.mint(rights::WRITE, 78)?;
        check_eq!(red.call(Message::from([1]))?.label, 77);
        check_eq!(blue.call(Message::from([1]))?.label, 78);
        check_eq!(endpoint.call(Message::from([1]))?.label, 0);
        check_eq!(red.mint(rights::WRITE, 79).err(), Some(Error::InvalidArgument));
        check_eq!(blue.mint(rights::WRITE, 78).err(), Some(Error::MissingRight));
        end(server)?;
    }
    fn rights_decide_who_may_send_and_receive() {
        let endpoint = Endpoint::create()?;
        for bits in 0..64u8 {
            let part = endpoint.mint(bits, 0)?;
            let sent = sys::send(part.0, MessageInfo::NO_WAIT, 0, 0, 0, 0).check().err();
            let received = sys::receive(part.0, MessageInfo::NO_WAIT).check().err();
            let called = sys::call(part.0, MessageInfo::NO_WAIT, 0, 0, 0, 0).check().err();
            let may = |right: u8| if bits & right != 0 { Error::WouldBlock } else { Error::MissingRight };
            check_eq!(sent, Some(may(rights::WRITE)));
            check_eq!(called, Some(may(rights::WRITE)));
            check_eq!(received, Some(may(rights::READ)));
            sys::delete(part.0).check()?;
        }
    }
    fn a_send_waits_until_it_is_received() {
        let endpoint = Endpoint::create()?;
        let sender = process::spawn(move || endpoint.send(Message::from([5, 6, 7, 8, 9])).is_ok() as u8)?;
        sleep(MILLISECOND);
        check_eq!(sys::process_wait(sender.0, MessageInfo::NO_WAIT).check().err(), Some(Error::WouldBlock));
        let received = endpoint.receive()?;
        check_eq!(received.message.words[..5], [5, 6, 7, 8, 9]);
        check_eq!(sender.join()?, 1);
        check_eq!(ipc::reply(Message::default()).err(), Some(Error::NoReplyExpected));
    }
    fn deadlines_end_every_kind_of_wait() {
        let endpoint = Endpoint::create()?;
        let start = now();
        let deadline = || now() + 5 * MILLISECOND;
        check_eq!(endpoint.call_until(Message::default(), deadline()).err(), Some(Error::TimedOut));
        ipc::set_deadline(deadline());
        check_eq!(endpoint.send_with(Message::default(), MessageInfo::TIMED).err(), Some(Error::TimedOut));
        ipc::set_deadline(deadline());
        check_eq!(endpoint.receive_with(MessageInfo::TIMED).err(), Some(Error::TimedOut));
        let notification = Notification::create()?;
        ipc::set_deadline(deadline());
        check_eq!(sys::wait(notification.0, MessageInfo::TIMED).check().err(), Some(Error::TimedOut));
        check!(now() - start >= 20 * MILLISECOND, "a wait ended early");
    }
    fn a_reply_that_comes_too_late_finds_nobody() {
        // On a busy machine the deadline may pass before the server receives: then again, with a later one.
        for patience in [5, 50, 500, 5000].map(|p| p * MILLISECOND) {
            let endpoint = Endpoint::create()?;
            let server = process::spawn(move || {
                let Ok(_) = endpoint.receive() else { return 1 };
                sleep(2 * patience);
                (ipc::reply(Message::default()) == Err(Error::NoReplyExpected)) as u8 + 10
            })?;
            let answer = endpoint.call_until(Message::default(), now() + patience);
            check_eq!(answer.err(), Some(Error::TimedOut));
            sys::endpoint_close(endpoint.0).check()?;
            match server.join()? {
                1 => continue,
                status => check_eq!(status, 11),
            }
            return Ok(());
        }
        check!(false, "no message arrived in time");
    }
    fn a_message_that_timed_out_is_not_delivered_later() {
        let endpoint = Endpoint::create()?;
        check_eq!(endpoint.call_until(Message::from([13]), now() + MILLISECOND).err(), Some(Error::TimedOut));
        check_eq!(endpoint.receive_with(MessageInfo::NO_WAIT).err(), Some(Error::WouldBlock));
    }
    fn a_caller_learns_that_its_server_died() {
        let endpoint = Endpoint::create()?;
        let server = process::spawn(move || endpoint.receive().is_err() as u8)?;
        check_eq!(endpoint.call(Message::from([1])).err(), Some(Error::PeerDied));
        check_eq!(server.join()?, 0);
    }
    fn a_server_that_is_killed_frees_its_caller() {
        let endpoint = Endpoint::create()?;
        let server = process::spawn(move || {
            let _ = endpoint.receive();
            loop {
                sleep(1000 * MILLISECOND);
            }
        })?;
        let killer = process::spawn(move || {
            sleep(10 * MILLISECOND);
            server.kill(4).is_err() as u8
        })?;
        check_eq!(endpoint.call(Message::from([1])).err(), Some(Error::PeerDied));
        check_eq!(server.join()?, 4);
        check_eq!(killer.join()?, 0);
    }
    fn closing_ends_every_wait() {
        let endpoint = Endpoint::create()?;
        let receiver = process::spawn(move || (endpoint.receive().err() == Some(Error::Closed)) as u8)?;
        sleep(5 * MILLISECOND);
        endpoint.close()?;
        check_eq!(receiver.join()?, 1);
        check_eq!(endpoint.send(Message::default()).err(), Some(Error::Closed));
        check_eq!(endpoint.receive().err(), Some(Error::Closed));
    }
    fn revoking_ends_a_queued_call() {
        let endpoint = Endpoint::create()?;
        let child = endpoint.mint(rights::ALL, 0)?;
        let caller = process::spawn(move || (child.call(Message::default()).err() == Some(Error::Revoked)) as u8)?;
        sleep(10 * MILLISECOND);
        check!(sys::revoke(endpoint.0).value()? >= 1);
        check_eq!(caller.join()?, 1);
    }
    fn revoking_ends_a_call_in_flight() {
        let endpoint = Endpoint::create()?;
        let child = endpoint.mint(rights::ALL, 0)?;
        let caller = process::spawn(move || (child.call(Message::default()).err() == Some(Error::Revoked)) as u8)?;
        endpoint.receive()?;
        sys::revoke(endpoint.0).check()?;
        check_eq!(caller.join()?, 1);
        check_eq!(ipc::reply(Message::default()).err(), Some(Error::NoReplyExpected));
    }
    fn revoking_a_receivers_capability_ends_its_wait() {
        let endpoint = Endpoint::create()?;
        let child = endpoint.mint(rights::READ, 0)?;
        let receiver = process::spawn(move || (child.receive().err() == Some(Error::Revoked)) as u8)?;
        sleep(10 * MILLISECOND);
        sys::revoke(endpoint.0).check()?;
        check_eq!(receiver.join()?, 1);
    }
    fn a_killed_sender_leaves_the_queue() {
        let endpoint = Endpoint::create()?;
        let sender = process::spawn(move || endpoint.send(Message::from([9])).is_ok() as u8)?;
        sleep(5 * MILLISECOND);
        sender.kill(3)?;
        check_eq!(sender.join()?, 3);
        check_eq!(endpoint.receive_with(MessageInfo::NO_WAIT).err(), Some(Error::WouldBlock));
    }
    fn a_killed_caller_does_not_disturb_its_server() {
        let endpoint = Endpoint::create()?;
        let caller = process::spawn(move || endpoint.call(Message::from([9])).is_ok() as u8)?;
        check_eq!(endpoint.receive()?.message.words[0], 9);
        caller.kill(3)?;
        check_eq!(caller.join()?, 3);
        check_eq!(ipc::reply(Message::default()).err(), Some(Error::NoReplyExpected));
    }
    fn a_reply_capability_works_once() {
        let endpoint = Endpoint::create()?;
        let caller = process::spawn(move || endpoint.call(Message::from([1])).map_or(0, |m| m.words[0] as u8))?;
        endpoint.receive()?;
        let reply = ipc::save_reply()?;
        let token = reply.0;
        check_eq!(ipc::reply(Message::default()).err(), Some(Error::NoReplyExpected));
        reply.send(Message::from([44]))?;
        check_eq!(caller.join()?, 44);
        check_eq!(sys::reply_to(token, 0, 0, 0, 0, 0).check().err(), Some(Error::InvalidCapability));
    }
    fn several_callers_can_be_answered_in_any_order() {
        let endpoint = Endpoint::create()?;
        let mut callers = [Process(0); 3];
        for (i, caller) in callers.iter_mut().enumerate() {
            *caller = process::spawn(move || {
                endpoint.call(Message::from([i as u64])).map_or(0, |m| m.words[0] as u8)
            })?;
        }
        let mut saved = [const { None }; 3];
        for _ in 0..3 {
            let received = endpoint.receive()?;
            saved[received.message.words[0] as usize] = Some(ipc::save_reply()?);
        }
        for i in [2, 0, 1] {
            let reply = saved[i].take();
            check!(reply.is_some());
            if let Some(reply) = reply {
                reply.send(Message::from([100 + i as u64]))?;
            }
        }
        for (i, caller) in callers.into_iter().enumerate() {
            check_eq!(caller.join()?, 100 + i as u8);
        }
    }
    fn a_reply_capability_that_is_dropped_tells_the_caller() {
        let endpoint = Endpoint::create()?;
        let caller = process::spawn(move || (endpoint.call(Message::from([1])).err() == Some(Error::PeerDied)) as u8)?;
        endpoint.receive()?;
        sys::delete(ipc::save_reply()?.0).check()?;
        check_eq!(caller.join()?, 1);
    }
    fn capabilities_travel_with_reduced_rights() {
        let endpoint = Endpoint::create()?;
        let gift = Endpoint::create()?;
        let sender = process::spawn(move || {
            endpoint.send(Message::from([1]).with_cap(gift.0, rights::WRITE)).is_ok() as u8
        })?;
        let received = endpoint.receive()?;
        check_eq!(received.message.cap_count, 1);
        let token = received.message.caps[0].0;
        let identity = sys::identify(token).check()?;
        check_eq!(identity.words[0], rights::WRITE as u64);
        check_eq!(sys::receive(token, MessageInfo::NO_WAIT).check().err(), Some(Error::MissingRight));
        check_eq!(sender.join()?, 1);
    }
    fn a_message_with_a_bad_capability_is_not_delivered() {
        let endpoint = Endpoint::create()?;
        let good = Endpoint::create()?;
        let kept = good.mint(rights::WRITE, 0)?;
        let sender = process::spawn(move || {
            let message = Message::from([1]).with_cap(good.0, rights::ALL).with_cap(kept.0, rights::ALL);
            (endpoint.send(message).err() == Some(Error::MissingRight)) as u8
        })?;
        sleep(5 * MILLISECOND);
        let received = endpoint.receive_with(MessageInfo::ACCEPT | MessageInfo::NO_WAIT);
        check_eq!(received.err(), Some(Error::WouldBlock));
        check_eq!(sender.join()?, 1);
    }
    fn a_receiver_that_accepts_none_gets_no_capabilities() {
        let endpoint = Endpoint::create()?;
        let gift = Endpoint::create()?;
        let sender = process::spawn(move || {
            (endpoint.send(Message::from([1]).with_cap(gift.0, rights::ALL)).err() == Some(Error::InvalidArgument)) as u8
        })?;
        sleep(5 * MILLISECOND);
        check_eq!(endpoint.receive_with(MessageInfo::NO_WAIT).err(), Some(Error::WouldBlock));
        check_eq!(sender.join()?, 1);
    }
    fn revoking_takes_a_delegated_capability_away() {
        let endpoint = Endpoint::create()?;
        let gift = Endpoint::create()?;
        let holder = process::spawn(move || {
            let Ok(received) = endpoint.receive() else { return 1 };
            let theirs = Endpoint(received.message.caps[0].0);
            let _ = ipc::reply(Message::default());
            (theirs.send(Message::default()).err() == Some(Error::Revoked)) as u8 + 10
        })?;
        endpoint.call(Message::default().with_cap(gift.0, rights::ALL))?;
        sleep(5 * MILLISECOND);
        sys::revoke(gift.0).check()?;
        check_eq!(holder.join()?, 11);
    }
    fn buffered_messages_wait_in_order_until_there_is_no_room() {
        let endpoint = Endpoint::buffered(4)?;
        for i in 0..4 {
            endpoint.post(Message::from([i, 1, 2, 3, 4, i * 3]))?;
        }
        check_eq!(endpoint.post(Message::default()).err(), Some(Error::WouldBlock));
        for i in 0..4 {
            let message = endpoint.receive()?.message;
            check_eq!((message.words[0], message.words[5]), (i, i * 3));
        }
        check_eq!(endpoint.receive_with(MessageInfo::NO_WAIT).err(), Some(Error::WouldBlock));
        check_eq!(Endpoint::create()?.post(Message::default()).err(), Some(Error::WouldBlock));
    }
    fn a_buffered_message_wakes_a_receiver() {
        let endpoint = Endpoint::buffered(4)?;
        let receiver = process::spawn(move || endpoint.receive().map_or(0, |r| r.message.words[0] as u8))?;
        sleep(5 * MILLISECOND);
        endpoint.post(Message::from([61]))?;
        check_eq!(receiver.join()?, 61);
    }
    fn buffered_capabilities_are_revoked_in_the_buffer() {
        let endpoint = Endpoint::buffered(4)?;
        let gift = Endpoint::create()?;
        endpoint.post(Message::from([1]).with_cap(gift.0, rights::WRITE))?;
        endpoint.post(Message::from([2]).with_cap(gift.0, rights::WRITE))?;
        let first = endpoint.receive()?.message;
        check!(ipc::is_token(first.caps[0].0));
        check_eq!(sys::revoke(gift.0).value()?, 2);
        let second = endpoint.receive()?.message;
        check_eq!(second.words[0], 2);
        check!(!ipc::is_token(second.caps[0].0), "a revoked capability was delivered");
    }
    fn notifications_merge_bits() {
        let notification = Notification::create()?;
        notification.signal(1)?;
        notification.signal(4)?;
        notification.signal(4)?;
        check_eq!(notification.wait()?, 5);
        check_eq!(notification.poll().err(), Some(Error::WouldBlock));
    }
    fn a_signal_wakes_a_waiter() {
        let notification = Notification::create()?;
        let waiter = process::spawn(move || notification.wait().map_or(0, |bits| bits as u8))?;
        sleep(5 * MILLISECOND);
        notification.signal(0x21)?;
        check_eq!(waiter.join()?, 0x21);
    }
    fn channels_deliver_batches_in_order() {
        let channel = Channel::create(64)?;
        let producer = process::spawn(move || {
            let mut next = 0;
            while next < 1000 {
                let batch: [[u64; 4]; 16] = core::array::from_fn(|i| [next + i as u64, 7, 8, 9]);
                match channel.send(&batch) {
                    Ok(sent) => next += sent as u64,
                    Err(_) => veridian::thread::yield_now(),
                }
            }
            0
        })?;
        let mut expected = 0;
        let mut batch = [[0; 4]; 20];
        while expected < 1000 {
            let count = channel.receive(&mut batch)?;
            for words in batch[..count].iter() {
                check_eq!(*words, [expected, 7, 8, 9]);
                expected += 1;
            }
        }
        producer.kill(0)?;
        producer.join()?;
    }
    fn a_full_channel_pushes_back() {
        let channel = Channel::create(8)?;
        check_eq!(channel.send(&[[1; 4]; 12])?, 8);
        check_eq!(channel.send(&[[1; 4]]).err(), Some(Error::WouldBlock));
        let mut batch = [[0; 4]; 3];
        check_eq!(channel.receive(&mut batch)?, 3);
        check_eq!(channel.send(&[[1; 4]; 12])?, 3);
        check_eq!(Channel::create(7).err(), Some(Error::InvalidArgument));
    }
    fn one_notification_stands_for_several_channels() {
        let notification = Notification::create()?;
        let channels = [Channel::create(4)?, Channel::create(4)?, Channel::create(4)?];
        for (i, channel) in channels.iter().enumerate() {
            channel.bind(notification, 1 << i)?;
        }
        let sender = process::spawn(move || channels[1].send(&[[5; 4]]).is_err() as u8)?;
        check_eq!(notification.wait()?, 2);
        check_eq!(sender.join()?, 0);
        channels[2].send(&[[5; 4]])?;
        channels[0].send(&[[5; 4]])?;
        check_eq!(notification.wait()?, 5);
    }
    fn shared_memory_is_the_same_memory() {
        let memory = Memory::create(3 * 4096)?;
        let mapping = memory.map(READ | WRITE)?;
        let words = mapping.as_ptr::<u64>();
        // SAFETY: within the mapping of three pages.
        unsafe { words.add(600).write_volatile(0x1234) };
        let endpoint = Endpoint::create()?;
        let partner = process::spawn(move || {
            let Ok(received) = endpoint.receive() else { return 1 };
            let Ok(theirs) = Memory(received.message.caps[0].0).map(READ | WRITE) else { return 2 };
            let words = theirs.as_ptr::<u64>();
            // SAFETY: within the mapping of three pages.
            let seen = unsafe { words.add(600).read_volatile() };
            let frame = sys::query(veridian::well_known::ADDRESS_SPACE, theirs.address() + 4096).value;
            // SAFETY: as above.
            unsafe { words.add(1).write_volatile(0x5678) };
            let _ = ipc::reply(Message::from([seen, frame]));
            0
        })?;
        let answer = endpoint.call(Message::default().with_cap(memory.0, rights::READ | rights::WRITE))?;
        check_eq!(answer.words[0], 0x1234);
        let mine = sys::query(veridian::well_known::ADDRESS_SPACE, mapping.address() + 4096).value()?;
        check_eq!(answer.words[1] >> 12, mine >> 12);
        // SAFETY: as above.
        check_eq!(unsafe { words.add(1).read_volatile() }, 0x5678);
        check_eq!(partner.join()?, 0);
    }
    fn rights_to_memory_are_enforced_by_the_page_tables() {
        let memory = Memory::create(4096)?;
        let read_only = Memory(sys::mint(memory.0, rights::READ as u64, 0).value()?);
        check_eq!(read_only.map(READ | WRITE).err(), Some(Error::MissingRight));
        let mapping = read_only.map(READ)?;
        let writer = process::spawn(move || {
            // SAFETY: the mapping is there; that the store faults is the point of the test.
            unsafe { mapping.as_ptr::<u64>().write_volatile(1) };
            0
        })?;
        check_eq!(writer.join()?, fault::STATUS);
    }
    fn revoking_memory_takes_its_mappings_away() {
        let memory = Memory::create(4096)?;
        let endpoint = Endpoint::create()?;
        let partner = process::spawn(move || {
            let Ok(received) = endpoint.receive() else { return 1 };
            let Ok(theirs) = Memory(received.message.caps[0].0).map(READ | WRITE) else { return 2 };
            // SAFETY: the mapping is there.
            unsafe { theirs.as_ptr::<u64>().write_volatile(1) };
            let _ = ipc::reply(Message::default());
            sleep(20 * MILLISECOND);
            // SAFETY: that the mapping is gone, and the store faults, is the point of the test.
            unsafe { theirs.as_ptr::<u64>().write_volatile(2) };
            0
        })?;
        endpoint.call(Message::default().with_cap(memory.0, rights::READ | rights::WRITE))?;
        sys::revoke(memory.0).check()?;
        check_eq!(partner.join()?, fault::STATUS);
    }
    fn names_lead_to_capabilities() {
        let names = Namespace::create()?;
        let endpoint = Endpoint::create()?;
        let server = adder(endpoint)?;
        names.register("adder", endpoint.0, rights::WRITE)?;
        check_eq!(names.register("adder", endpoint.0, rights::WRITE).err(), Some(Error::AlreadyExists));
        let found = Endpoint(names.find("adder")?);
        check_eq!(found.call(Message::from([1]))?.words[0], 2);
        check_eq!(sys::receive(found.0, MessageInfo::NO_WAIT).check().err(), Some(Error::MissingRight));
        check_eq!(names.find("other").err(), Some(Error::NotFound));
        names.unregister("adder")?;
        check_eq!(names.find("adder").err(), Some(Error::NotFound));
        end(server)?;
    }
    fn a_hundred_names_are_found_again() {
        let names = Namespace::create()?;
        let endpoint = Endpoint::create()?;
        for i in 0..100u32 {
            names.register(&alloc::format!("name-{i}"), endpoint.0, rights::WRITE)?;
        }
        for i in (0..100u32).step_by(3) {
            names.unregister(&alloc::format!("name-{i}"))?;
        }
        for i in 0..100u32 {
            let found = names.find(&alloc::format!("name-{i}"));
            check_eq!(found.is_ok(), i % 3 != 0);
            if let Ok(token) = found {
                sys::delete(token).check()?;
            }
        }
    }
    fn a_revoked_registration_is_not_found() {
        let names = Namespace::create()?;
        let endpoint = Endpoint::create()?;
        names.register("gone", endpoint.0, rights::WRITE)?;
        sys::revoke(endpoint.0).check()?;
        check_eq!(names.find("gone").err(), Some(Error::NotFound));
    }
    fn a_limit_stops_a_flood_and_refills() {
        let endpoint = Endpoint::create()?;
        let server = adder(endpoint)?;
        endpoint.call(Message::from([1]))?;
        endpoint.limit(5, 500 * MILLISECOND, false)?;
        for _ in 0..5 {
            server_is_back();
            endpoint.call_with(Message::from([1]), MessageInfo::NO_WAIT)?;
        }
        let limited = endpoint.call_with(Message::from([1]), MessageInfo::NO_WAIT);
        check_eq!(limited.err(), Some(Error::RateLimited));
        let start = now();
        endpoint.call(Message::from([1]))?;
        check!(now() - start > MILLISECOND, "did not wait for its turn");
        endpoint.limit(0, 0, false)?;
        for _ in 0..50 {
            endpoint.call(Message::from([1]))?;
        }
        end(server)?;
    }
    fn a_limit_per_sender_leaves_others_alone() {
        let endpoint = Endpoint::create()?;
        let server = adder(endpoint)?;
        let (loud, quiet) = (endpoint.mint(rights::WRITE, 1)?, endpoint.mint(rights::WRITE, 2)?);
        endpoint.call(Message::from([1]))?;
        endpoint.limit(3, 1000 * MILLISECOND, true)?;
        for _ in 0..3 {
            server_is_back();
            loud.call_with(Message::from([1]), MessageInfo::NO_WAIT)?;
        }
        let limited = loud.call_with(Message::from([1]), MessageInfo::NO_WAIT);
        check_eq!(limited.err(), Some(Error::RateLimited));
        server_is_back();
        quiet.call_with(Message::from([1]), MessageInfo::NO_WAIT)?;
        end(server)?;
    }
    fn malformed_descriptors_are_refused() {
        let endpoint = Endpoint::create()?;
        for info in [17u64, 31, 5 << 8, 7 << 8, 1 << 63] {
            check_eq!(sys::send(endpoint.0, info, 0, 0, 0, 0).check().err(), Some(Error::InvalidArgument));
            check_eq!(sys::call(endpoint.0, info, 0, 0, 0, 0).check().err(), Some(Error::InvalidArgument));
        }
    }
    fn results_carry_nothing_of_the_kernel() {
        let wild = [!0u64; 6];
        for call in [number::null, number::clock, number::whoami, 9999] {
            let returned = sys::raw(call, wild);
            for word in returned.words {
                check!(word < 0xffff_8000_0000_0000, "a kernel address came back: {word:#x}");
            }
        }
    }
    fn console_and_process_are_not_endpoints() {
        for token in [CONSOLE, PROCESS] {
            check_eq!(sys::call(token, 0, 0, 0, 0, 0).check().err(), Some(Error::WrongType));
        }
    }
    fn a_nested_call_answers_through_both_servers() {
        let (outer, inner) = (Endpoint::create()?, Endpoint::create()?);
        let adding = adder(inner)?;
        let middle = process::spawn(move || {
            let mut server = Server::new(outer);
            while let Ok(received) = server.next() {
                match inner.call(received.message) {
                    Ok(answer) => server.reply(answer),
                    Err(_) => return 1,
                }
            }
            0
        })?;
        for i in 0..200 {
            check_eq!(outer.call(Message::from([i]))?.words[0], i + 1);
        }
        end(middle)?;
        end(adding)?;
    }
}
