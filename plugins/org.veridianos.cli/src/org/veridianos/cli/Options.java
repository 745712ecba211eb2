package org.veridianos.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.veridianos.machine.Size;

/** The words of a command: {@code --name value}, {@code --name=value}, flags, plain words, and everything after {@code --}. */
public final class Options {

    private final Map<String, List<String>> values = new HashMap<>();
    private final List<String> words = new ArrayList<>();
    private final List<String> rest = new ArrayList<>();
    private boolean restGiven;

    private Options() {
    }

    /**
     * Sorts words.
     *
     * @param valued options that take a value
     * @param flags  options that take none
     * @throws Failure for an unknown option or a missing value
     */
    public static Options parse(List<String> args, Set<String> valued, Set<String> flags) throws Failure {
        Options options = new Options();
        for (int i = 0; i < args.size(); i++) {
            String word = args.get(i);
            int equals = word.indexOf('=');
            String name = word.startsWith("--") && equals > 0 ? word.substring(0, equals) : word;
            if (word.equals("--")) {
                options.restGiven = true;
                options.rest.addAll(args.subList(i + 1, args.size()));
                break;
            } else if (valued.contains(name)) {
                if (equals < 0 && i + 1 == args.size()) {
                    throw new Failure(Failure.USAGE, name + " needs a value");
                }
                String value = name.equals(word) ? args.get(++i) : word.substring(equals + 1);
                options.values.computeIfAbsent(name, k -> new ArrayList<>()).add(value);
            } else if (flags.contains(word)) {
                options.values.put(word, List.of());
            } else if (word.startsWith("-") && word.length() > 1) {
                throw new Failure(Failure.USAGE, "unknown option '" + word + "'");
            } else {
                options.words.add(word);
            }
        }
        return options;
    }

    /** Whether a flag was given. */
    public boolean has(String name) {
        return values.containsKey(name);
    }

    /** The last value of an option. */
    public Optional<String> value(String name) {
        return Optional.ofNullable(values.get(name)).map(v -> v.get(v.size() - 1));
    }

    /** Every value of an option, in order. */
    public List<String> all(String name) {
        return values.getOrDefault(name, List.of());
    }

    /** A number between {@code low} and {@code high}. */
    public Optional<Long> number(String name, long low, long high) throws Failure {
        Optional<String> text = value(name);
        if (text.isEmpty()) {
            return Optional.empty();
        }
        try {
            long number = Long.parseLong(text.get());
            if (number >= low && number <= high) {
                return Optional.of(number);
            }
        } catch (NumberFormatException noNumber) {
            // Said below, with the range.
        }
        throw new Failure(Failure.USAGE, name + " " + text.get() + ": a number from " + low + " to " + high + " is needed");
    }

    /** A size in bytes. */
    public Optional<Long> size(String name) throws Failure {
        try {
            return value(name).map(Size::parse);
        } catch (IllegalArgumentException | ArithmeticException malformed) {
            throw new Failure(Failure.USAGE, name + ": " + malformed.getMessage());
        }
    }

    /** Words that are no options. */
    public List<String> words() {
        return words;
    }

    /** At most {@code most} words; more are an error. */
    public List<String> words(int most) throws Failure {
        if (words.size() > most) {
            throw new Failure(Failure.USAGE, "unexpected word '" + words.get(most) + "'");
        }
        return words;
    }

    /** What stands after {@code --}. */
    public List<String> rest() {
        return rest;
    }

    /** Whether there was a {@code --}. */
    public boolean hasRest() {
        return restGiven;
    }
}
