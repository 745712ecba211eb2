package org.veridianos.cli;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.veridianos.build.Image;
import org.veridianos.build.Target;
import org.veridianos.machine.Architecture;
import org.veridianos.machine.Machine;
import org.veridianos.machine.MachineConfig;
import org.veridianos.machine.MachineException;
import org.veridianos.machine.Profile;

/** The machine options that several commands share. */
final class Machines {

    static final Set<String> VALUED = Set.of("--arch", "--profile", "--cpus", "--memory", "--nodes", "--kernel-arg", "--qemu-arg");

    static final String HELP = """
              --cpus N          CPUs, 1 to 16
              --memory SIZE     RAM, for instance 64M or 4G
              --nodes N         NUMA nodes
              --profile ID      another machine of qemu-launch/, for instance aarch64-cortex-a57
              --kernel-arg WORD one more word for the kernel's command line (repeatable)
              --qemu-arg WORD   one more word for QEMU (repeatable)
            """;

    private Machines() {
    }

    /** The profile that the options choose, checked before anything is built. */
    static Profile profile(Context context, Options options, Target target) throws MachineException, Failure {
        Optional<String> chosen = options.value("--profile");
        Profile profile = chosen.isPresent() ? context.profiles().get(chosen.get()) : context.profiles().of(Architecture.of(target.id()));
        if (profile.architecture() != Architecture.of(target.id())) {
            throw new Failure(Failure.USAGE, "profile " + profile.id() + " is a machine for " + profile.architecture().id() + ", not " + target.id());
        }
        return profile;
    }

    /** The machine for an image as the options want it, with {@code kernelArgs} after the user's own words. */
    static MachineConfig config(Options options, Profile profile, Image image, List<String> kernelArgs) throws Failure {
        MachineConfig config = MachineConfig.of(profile, image.elf(), image.boot(), image.initrd())
                .withCpus(options.number("--cpus", 1, MachineConfig.MAX_CPUS).map(Long::intValue).orElse(profile.cpus()))
                .withMemory(options.size("--memory").orElse(profile.memory()))
                .withNodes(options.number("--nodes", 1, MachineConfig.MAX_CPUS).map(Long::intValue).orElse(1))
                .withExtraArgs(options.all("--qemu-arg"));
        List<String> words = new java.util.ArrayList<>(options.all("--kernel-arg"));
        words.addAll(kernelArgs);
        return config.withKernelArgs(String.join(" ", words));
    }

    static Machine start(Context context, MachineConfig config, boolean outlives) throws MachineException {
        return Machine.start(config, context.sessions(), new Machine.Owner("cli", outlives, context.kernel().toString()), context.environment());
    }
}
