package org.veridianos.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.veridianos.build.Image;
import org.veridianos.build.Target;
import org.veridianos.machine.ExitLine;
import org.veridianos.machine.KernelSymbols;
import org.veridianos.machine.Machine;
import org.veridianos.machine.MachineConfig;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profile;

/** {@code ./veridian boot}: the console on standard output, the guest's exit status as its own. */
final class BootCommand implements Command {

    /** Ctrl-], as telnet has it: a key that guests do not miss. */
    private static final byte QUIT = 0x1d;

    @Override
    public String name() {
        return "boot";
    }

    @Override
    public String help() {
        return """
                Usage: ./veridian boot --arch x86_64|aarch64|riscv64 [options] [-- PROGRAM [ARGUMENT...]]

                Builds the kernel and boots it in QEMU with the console on standard output. Ends with the guest's exit
                status. PROGRAM is a program of the initial RAM disk; without one, init says that it is ready and exits.

                """ + Machines.HELP + """
                  --release         the shipped configuration
                  --icount          count instructions: every run is the same
                  --interactive     init stays; keys go to the guest as they are typed, Ctrl-] ends the machine
                  --timeout SECONDS end the machine when it runs longer
                """;
    }

    @Override
    public int run(Context context, List<String> args) throws Failure, MachineException, IOException, InterruptedException {
        Set<String> valued = new TreeSet<>(Machines.VALUED);
        valued.add("--timeout");
        Options options = Options.parse(args, valued, Set.of("--release", "--icount", "--interactive"));
        options.words(0);
        Target target = Builds.target(options);
        Profile profile = Machines.profile(context, options, target);
        long seconds = options.number("--timeout", 1, 1_000_000).orElse(0L);
        List<Image> images = Builds.build(context, List.of(target), options.has("--release"), false);
        Image image = Builds.pick(images, target, i -> i.test().isEmpty(), "bootable image");
        List<String> kernelArgs = new ArrayList<>();
        if (options.has("--interactive")) {
            kernelArgs.add("interactive");
        }
        if (options.hasRest()) {
            kernelArgs.add("--");
            kernelArgs.addAll(options.rest());
        }
        MachineConfig config = Machines.config(options, profile, image, kernelArgs).withCounting(options.has("--icount"));
        try (Machine machine = Machines.start(context, config, false)) {
            if (options.has("--interactive")) {
                forwardInput(machine);
            }
            return follow(context, machine, image, seconds);
        }
    }

    private static int follow(Context context, Machine machine, Image image, long seconds) throws Failure, IOException, InterruptedException {
        if (seconds > 0) {
            Thread.ofPlatform().daemon().name("timeout").start(() -> endLater(machine, seconds));
        }
        long started = System.nanoTime();
        ExitLine exit = new ExitLine();
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
        while (machine.console().read(buffer) >= 0) {
            exit.accept(buffer.array(), 0, buffer.position());
            context.out().write(buffer.array(), 0, buffer.position());
            context.out().flush();
            buffer.clear();
        }
        machine.waitFor(10, TimeUnit.SECONDS);
        if (exit.status().orElse(0) != 0) {
            nameAddresses(context, machine, image);
        }
        if (exit.status().isPresent()) {
            return exit.status().getAsInt();
        }
        if (seconds > 0 && System.nanoTime() - started >= TimeUnit.SECONDS.toNanos(seconds)) {
            throw new Failure("the guest did not finish within " + seconds + " s and was ended");
        }
        throw new Failure(machine.causeOfDeath());
    }

    /** A panic before the kernel has its symbol table shows bare addresses; the same backtrace follows with names. */
    private static void nameAddresses(Context context, Machine machine, Image image) throws IOException {
        Optional<KernelSymbols> symbols = image.initrd().flatMap(KernelSymbols::ofInitrd);
        if (symbols.isPresent()) {
            Files.readString(machine.session().consoleLog(), StandardCharsets.ISO_8859_1).lines().flatMap(l -> symbols.get().named(l).stream())
                    .forEach(context.err()::println);
        }
    }

    private static void endLater(Machine machine, long seconds) {
        try {
            if (!machine.waitFor(seconds, TimeUnit.SECONDS)) {
                machine.kill();
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    private static void forwardInput(Machine machine) {
        SocketChannel console = machine.console();
        Thread.ofPlatform().daemon().name("keyboard").start(() -> {
            byte[] bytes = new byte[4096];
            InputStream keyboard = System.in;
            try {
                for (int count = keyboard.read(bytes); count >= 0; count = keyboard.read(bytes)) {
                    int quit = new String(bytes, 0, count, StandardCharsets.ISO_8859_1).indexOf(QUIT);
                    ByteBuffer typed = ByteBuffer.wrap(bytes, 0, quit < 0 ? count : quit);
                    while (typed.hasRemaining()) {
                        console.write(typed);
                    }
                    if (quit >= 0) {
                        machine.kill();
                        return;
                    }
                }
            } catch (IOException ended) {
                // The machine is gone; there is nobody to type to.
            }
        });
    }
}
