package org.veridianos.ide.build;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IProgressMonitor;
import org.eclipse.core.runtime.OperationCanceledException;
import org.eclipse.core.runtime.SubMonitor;
import org.eclipse.osgi.util.NLS;
import org.veridianos.build.Target;
import org.veridianos.ide.IdePlugin;
import org.veridianos.ide.Messages;
import org.veridianos.ide.project.KernelProject;

/** <i>Clean</i>: deletes one architecture's output, without running anything. Links are removed, never followed. */
final class OutputCleaner {

    private static final int FILES = 1000;

    private OutputCleaner() {
    }

    static void clean(KernelProject project, Target target, IProgressMonitor monitor) throws CoreException {
        Path output = project.location().resolve("target").resolve(target.id());
        if (!Files.isDirectory(output, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        SubMonitor progress = SubMonitor.convert(monitor, 1);
        progress.subTask(NLS.bind(Messages.Build_cleaning, project.name(), target.id()));
        try {
            Files.walkFileTree(output, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    if (progress.isCanceled()) {
                        throw new OperationCanceledException();
                    }
                    Files.delete(file);
                    // How many there are is not known: the bar slows down and never ends early.
                    progress.setWorkRemaining(FILES).worked(1);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path folder, IOException failure) throws IOException {
                    if (failure != null) {
                        throw failure;
                    }
                    Files.delete(folder);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException stuck) {
            throw IdePlugin.error(stuck.toString(), stuck);
        }
    }
}
