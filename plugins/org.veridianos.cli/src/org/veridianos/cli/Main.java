package org.veridianos.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.veridianos.machine.MachineException;

/**
 * Entry point: {@code Main COMMAND [words]}. The system property {@code veridian.home} names the checkout.
 *
 * <p>The whole process ends by {@code System.exit}, so that shutdown hooks end machines and cargo even when a daemon thread
 * still reads.
 */
public final class Main {

    /** Every command, in the order of {@code ./veridian help}. */
    static final List<Command> COMMANDS = List.of(new BuildCommand(), new BootCommand(), new KtestCommand(), new BenchCommand(), new SessionsCommand(),
            new InspectCommand(), new GdbCommand(), new DoctorCommand());

    private Main() {
    }

    /** Runs a command and ends the process with its status. */
    public static void main(String[] args) {
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        PrintStream err = new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
        Context context = new Context(Path.of(System.getProperty("veridian.home", ".")).toAbsolutePath().normalize(), System.getenv(), out, err,
                Boolean.getBoolean("veridian.terminal"));
        int status = run(context, Arrays.asList(args));
        out.flush();
        System.exit(status);
    }

    /** Runs a command; every failure becomes one line on {@code context.err()}. */
    static int run(Context context, List<String> args) {
        String name = args.isEmpty() ? "" : args.get(0);
        Optional<Command> command = COMMANDS.stream().filter(c -> c.name().equals(name)).findFirst();
        if (command.isEmpty()) {
            context.err().println("veridian: unknown command '" + name + "'; './veridian help' lists them");
            return Failure.USAGE;
        }
        List<String> words = args.subList(1, args.size());
        if (asksForHelp(words)) {
            context.out().print(command.get().help());
            context.out().flush();
            return 0;
        }
        try {
            return command.get().run(context, words);
        } catch (Failure failure) {
            String hint = failure.status() == Failure.USAGE ? "; './veridian " + name + " --help' explains" : "";
            context.err().println("veridian: " + failure.getMessage() + hint);
            return failure.status();
        } catch (MachineException | IOException failed) {
            context.err().println("veridian: " + (failed instanceof MachineException ? failed.getMessage() : words(failed)));
            return 1;
        } catch (InterruptedException interrupted) {
            context.err().println("veridian: interrupted");
            return 1;
        }
    }

    private static boolean asksForHelp(List<String> words) {
        int end = words.indexOf("--");
        List<String> own = end < 0 ? words : words.subList(0, end);
        return own.contains("--help") || own.contains("-h");
    }

    /** File system exceptions carry the bare path; say what was wrong with it. */
    private static String words(Exception failed) {
        return switch (failed) {
            case java.nio.file.NoSuchFileException missing -> missing.getFile() + " does not exist";
            case java.nio.file.AccessDeniedException denied -> denied.getFile() + ": permission denied";
            default -> failed.getMessage() == null ? failed.toString() : failed.getMessage();
        };
    }
}
