//! The table of system calls.
//!
//! `system_calls!` hands the table to another macro, so that the kernel's
//! dispatcher, the user stubs and the tests that walk every call are made from
//! the same lines. An entry is
//!
//! ```text
//! /// documentation
//! NUMBER name(argument…) authority;
//! ```
//!
//! `authority` says what the first argument must be: `own` needs no capability
//! (the call acts on the calling thread alone), `cap(Type, RIGHTS)` a
//! capability of that type with those rights.

/// Passes the whole table to `$then!`.
#[macro_export]
macro_rules! system_calls {
    ($then:path) => {
        $then! {
            /// Sends a message to an endpoint and waits for its reply.
            0 call(endpoint, info, w0, w1, w2, w3) cap(Endpoint, WRITE);
            /// Replies to the caller this thread serves, if any, and receives the next message.
            1 reply_receive(endpoint, info, w0, w1, w2, w3) cap(Endpoint, READ);
            /// Sends a message and waits until it is received, without reply.
            2 send(endpoint, info, w0, w1, w2, w3) cap(Endpoint, WRITE);
            /// Receives a message; result: status, badge, words.
            3 receive(endpoint, info) cap(Endpoint, READ);
            /// Replies to the caller this thread serves.
            4 reply(info, w0, w1, w2, w3) own;
            /// Turns the caller this thread serves into a reply capability, to answer later.
            5 reply_save(process) cap(Process, MANAGE);
            /// Answers through a saved reply capability, which is used up.
            6 reply_to(reply, info, w0, w1, w2, w3) cap(Reply, WRITE);
            /// Puts a message into the endpoint's ring without waiting for a receiver.
            7 send_buffered(endpoint, info, w0, w1, w2, w3) cap(Endpoint, WRITE);
            /// Closes an endpoint: everyone waiting gets `Closed`.
            8 endpoint_close(endpoint) cap(Endpoint, MANAGE);
            /// Creates an endpoint with a ring of `ring` buffered messages.
            9 endpoint_create(process, ring) cap(Process, MANAGE);
            /// Limits an endpoint: `burst` messages at once, one more every `period` nanoseconds; a burst of 0 lifts it. With `per_sender` each badge has its own bucket. A limited sender waits, or fails with `RateLimited` if its descriptor says so.
            10 endpoint_limit(endpoint, burst, period, per_sender) cap(Endpoint, MANAGE);
            /// Messages, words, fast-path share, blocked time of an endpoint, into a user buffer of `length` bytes.
            11 endpoint_metrics(endpoint, buffer, length) cap(Endpoint, READ);

            /// Creates a notification object.
            12 notification_create(process) cap(Process, MANAGE);
            /// Merges `bits` into a notification and wakes its waiter.
            13 signal(notification, bits) cap(Notification, WRITE);
            /// Waits for a non-zero notification and takes its bits; flags as in a message descriptor.
            14 wait(notification, info) cap(Notification, READ);
            /// Creates an asynchronous channel of `capacity` messages (a power of two).
            15 channel_create(process, capacity) cap(Process, MANAGE);
            /// Sends up to `count` messages from the batch buffer; result: how many were taken.
            16 channel_send(channel, count) cap(Channel, WRITE);
            /// Receives up to `count` messages into the batch buffer; result: how many.
            17 channel_receive(channel, count, info) cap(Channel, READ);
            /// Binds a channel to a notification: a send to the channel signals `bits`.
            18 channel_bind(channel, notification, bits) cap(Channel, MANAGE);

            /// Creates a memory object of `size` bytes, demand-zero.
            19 memory_create(process, size) cap(Process, MANAGE);
            /// Maps `length` bytes of a memory object at `address` (0: anywhere); result: the address.
            20 map(space, memory, offset, address, length, protection) cap(AddressSpace, MANAGE);
            /// Maps demand-zero memory of the space's own; result: the address.
            21 map_anonymous(space, address, length, protection) cap(AddressSpace, MANAGE);
            /// Removes what is mapped in a range.
            22 unmap(space, address, length) cap(AddressSpace, MANAGE);
            /// Changes the protection of a range.
            23 protect(space, address, length, protection) cap(AddressSpace, MANAGE);
            /// Result: physical address and protection behind an address.
            24 query(space, address) cap(AddressSpace, READ);
            /// Size of a memory object in bytes.
            25 memory_size(memory) cap(Memory, READ);

            /// Mints a child with fewer rights and a badge; result: its token.
            26 mint(source, rights, badge) cap(Any, DERIVE);
            /// Deletes one capability.
            27 delete(token) cap(Any, NONE);
            /// Revokes every capability derived from this one.
            28 revoke(token) cap(Any, MANAGE);
            /// Result: type, rights, badge of a capability.
            29 identify(token) cap(Any, NONE);
            /// Copies a capability into another process's space with reduced rights; result: its token there.
            30 grant(process, token, rights, badge) cap(Process, MANAGE);
            /// Sets what happens to a capability on fork and exec.
            31 set_inheritance(token, policy) cap(Any, NONE);

            /// Creates a process from the ELF file in a memory object; its first thread is not started. Its name, for
            /// people, is the 16 bytes of the last two words, padded with zeros. Result: its token.
            32 process_create(parent, image, offset, length, name, name_rest) cap(Process, MANAGE);
            /// Starts the first thread of a created process with one argument word.
            33 process_start(process, argument) cap(Process, MANAGE);
            /// Duplicates the calling process; result: the child's token, or 0 in the child.
            34 fork(process) cap(Process, MANAGE);
            /// Replaces the calling process's image by the ELF file in a memory object.
            35 exec(process, image, offset, length, argument) cap(Process, MANAGE);
            /// Ends the calling process with a status of 0 to 255.
            36 exit(status) own;
            /// Waits for a process to end; result: its status. Flags as in a message descriptor.
            37 process_wait(process, info) cap(Process, READ);
            /// Ends a process with a status.
            38 process_kill(process, status) cap(Process, MANAGE);
            /// Facts about a process, into a user buffer of `length` bytes.
            39 process_info(process, buffer, length) cap(Process, READ);
            /// Waits for any child of a process to end; result: its pid and status; the child is reaped.
            40 process_wait_any(process, info) cap(Process, READ);

            /// Creates a thread that starts at `entry` with stack `sp` and one argument; result: its token.
            41 thread_create(process, entry, sp, argument, tls, buffer) cap(Process, MANAGE);
            /// Ends the calling thread.
            42 thread_exit(value) own;
            /// Waits for a thread to end; result: its value.
            43 thread_join(thread, info) cap(Thread, READ);
            /// Nobody will join the thread: it is reaped when it ends.
            44 thread_detach(thread) cap(Thread, MANAGE);
            /// Ends a thread, wherever it runs.
            45 thread_kill(thread) cap(Thread, MANAGE);
            /// Gives the CPU to another ready thread of the same rank.
            46 yield_now() own;
            /// Sleeps until an absolute time in nanoseconds.
            47 sleep_until(deadline) own;
            /// Nanoseconds since boot, monotonic.
            48 clock() own;
            /// Allows a thread only the CPUs of a mask; result: the mask before.
            49 set_affinity(thread, mask) cap(Thread, MANAGE);
            /// Result: affinity mask, and the CPU it last ran on.
            50 get_affinity(thread) cap(Thread, READ);
            /// Sets class, and level (fixed: 0 to 255) or nice (fair: -20 to 19).
            51 set_schedule(thread, class, level) cap(Thread, MANAGE);
            /// Result: class and level.
            52 get_schedule(thread) cap(Thread, READ);
            /// Run time, switches, migrations, wait time of a thread, into a user buffer of `length` bytes.
            53 thread_info(thread, buffer, length) cap(Thread, READ);
            /// Sets the calling thread's thread-local-storage base.
            54 set_tls(base) own;
            /// Sends faults of a thread as messages to an endpoint (0: none).
            55 set_fault_handler(thread, endpoint) cap(Thread, MANAGE);
            /// The calling thread's number and CPU.
            56 whoami() own;

            /// Waits while the 32-bit word at `address` is `expected`.
            57 futex_wait(address, expected, deadline) own;
            /// Wakes up to `count` waiters of the word at `address`.
            58 futex_wake(address, count) own;
            /// Locks a priority-inheriting mutex word whose owner is in the way.
            59 futex_lock(address, deadline) own;
            /// Unlocks a priority-inheriting mutex word that has waiters.
            60 futex_unlock(address) own;
            /// Wakes `count` waiters and moves the rest to another word.
            61 futex_requeue(address, count, target) own;

            /// Writes bytes to the console.
            62 console_write(console, buffer, length) cap(Console, WRITE);
            /// Reads what was typed, at least one byte unless told not to wait; result: how many.
            63 console_read(console, buffer, length, info) cap(Console, READ);

            /// Creates a namespace.
            64 namespace_create(process) cap(Process, MANAGE);
            /// Enters a capability under a name.
            65 register(namespace, name, length, token, rights) cap(Namespace, WRITE);
            /// Finds a name; result: a new token.
            66 lookup(namespace, name, length) cap(Namespace, READ);
            /// Removes a name.
            67 unregister(namespace, name, length) cap(Namespace, WRITE);

            /// Number of CPUs known and mask of those online.
            68 cpu_info(machine) cap(Machine, READ);
            /// Brings a CPU online.
            69 cpu_online(machine, cpu) cap(Machine, MANAGE);
            /// Takes a CPU offline; `force` moves threads pinned to it.
            70 cpu_offline(machine, cpu, force) cap(Machine, MANAGE);
            /// Kernel counters (free frames, slab use, capabilities), into a user buffer of `length` bytes.
            71 kernel_info(machine, buffer, length) cap(Machine, READ);
            /// Ends the machine with a status of 0 to 255.
            72 shutdown(machine, status) cap(Machine, MANAGE);
            /// Does nothing: what a system call costs.
            73 null() own;
        }
    };
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $number:literal $name:ident($($arg:ident),*) $authority:ident $(($type:ident, $rights:ident))?;)*) => {
        /// Numbers of the system calls.
        #[allow(non_upper_case_globals)]
        pub mod number { $($(#[$doc])* pub const $name: u64 = $number;)* }
    };
}
system_calls!(numbers);
