package org.veridianos.ide.build;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IMarker;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IWorkspace;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.IPath;
import org.eclipse.osgi.util.NLS;
import org.veridianos.build.BuildResult;
import org.veridianos.build.Diagnostic;
import org.veridianos.build.Target;
import org.veridianos.ide.Messages;
import org.veridianos.ide.project.KernelProject;

/**
 * The problem markers of one kernel. Each carries the architecture whose build found it, and a build replaces those of its
 * own architecture alone, all in one workspace change.
 */
public final class Problems {

    /** Marker attribute: the architecture's id. */
    public static final String TARGET = "target";
    /** Marker attribute: the error code or the lint's name. */
    public static final String CODE = "code";
    /** Marker attribute: the whole text as the compiler renders it. */
    public static final String RENDERED = "rendered";
    /** Marker attribute: the column, from 1, in characters. */
    public static final String COLUMN = "column";
    /** Marker attribute: true on the marker that says the location is not trusted. */
    public static final String UNTRUSTED = "untrusted";

    private final KernelProject project;

    private Problems(KernelProject project) {
        this.project = project;
    }

    /** The markers of {@code project}. */
    public static Problems of(KernelProject project) {
        return new Problems(project);
    }

    /** Replaces the markers of {@code target} by what its build said. */
    void replace(Target target, BuildResult result) throws CoreException {
        change(() -> {
            delete(target);
            Map<Path, SourceText> texts = new HashMap<>();
            for (Diagnostic diagnostic : result.diagnostics()) {
                if (diagnostic.level() != Diagnostic.Level.NOTE) {
                    add(diagnostic, texts);
                }
            }
            if (!result.isDone() && result.errors() == 0) {
                add(target, result.reason());
            }
        });
    }

    /** Replaces the markers of {@code target} by one for the whole project. */
    void replace(Target target, String message) throws CoreException {
        change(() -> {
            delete(target);
            add(target, message);
        });
    }

    /** Removes the markers of {@code target}. */
    void clear(Target target) throws CoreException {
        change(() -> delete(target));
    }

    /** Says that the location has to be trusted first. */
    void untrusted() throws CoreException {
        change(() -> {
            for (Target target : Target.values()) {
                delete(target);
            }
            for (IMarker old : project.resource().findMarkers(VeridianBuilder.PROBLEM, false, IResource.DEPTH_ZERO)) {
                old.delete();
            }
            IMarker marker = project.resource().createMarker(VeridianBuilder.PROBLEM);
            marker.setAttributes(Map.of(IMarker.SEVERITY, IMarker.SEVERITY_WARNING, UNTRUSTED, true,
                    IMarker.MESSAGE, NLS.bind(Messages.Build_untrusted, project.location())));
        });
    }

    private interface Change {
        void run() throws CoreException;
    }

    private void change(Change change) throws CoreException {
        IProject resource = project.resource();
        ResourcesPlugin.getWorkspace().run(m -> change.run(), ResourcesPlugin.getWorkspace().getRuleFactory().markerRule(resource),
                IWorkspace.AVOID_UPDATE, null);
    }

    private void delete(Target target) throws CoreException {
        for (IMarker marker : project.resource().findMarkers(VeridianBuilder.PROBLEM, true, IResource.DEPTH_INFINITE)) {
            if (target.id().equals(marker.getAttribute(TARGET, "")) || marker.getAttribute(UNTRUSTED, false)) {
                marker.delete();
            }
        }
    }

    private void add(Target target, String message) throws CoreException {
        IMarker marker = project.resource().createMarker(VeridianBuilder.PROBLEM);
        marker.setAttributes(Map.of(IMarker.SEVERITY, IMarker.SEVERITY_ERROR, TARGET, target.id(),
                IMarker.MESSAGE, NLS.bind(Messages.Build_projectProblem, message), IMarker.LOCATION, target.id()));
    }

    private void add(Diagnostic diagnostic, Map<Path, SourceText> texts) throws CoreException {
        Optional<IFile> file = diagnostic.span().flatMap(s -> file(s.file()));
        Map<String, Object> attributes = new HashMap<>();
        attributes.put(IMarker.SEVERITY, diagnostic.level() == Diagnostic.Level.ERROR ? IMarker.SEVERITY_ERROR : IMarker.SEVERITY_WARNING);
        attributes.put(IMarker.MESSAGE, diagnostic.code().map(c -> diagnostic.message() + " [" + c + "]").orElse(diagnostic.message()));
        attributes.put(TARGET, diagnostic.target().id());
        attributes.put(RENDERED, diagnostic.rendered());
        diagnostic.code().ifPresent(c -> attributes.put(CODE, c));
        attributes.put(IMarker.LOCATION, diagnostic.target().id());
        if (file.isPresent()) {
            Diagnostic.Span span = diagnostic.span().orElseThrow();
            attributes.put(IMarker.LINE_NUMBER, span.line());
            attributes.put(COLUMN, span.column());
            attributes.put(IMarker.LOCATION, NLS.bind(Messages.Build_location, new Object[] {span.line(), span.column(), diagnostic.target().id()}));
            SourceText text = texts.computeIfAbsent(span.file(), SourceText::read);
            text.offset(span.line(), span.column()).ifPresent(start -> {
                attributes.put(IMarker.CHAR_START, start);
                attributes.put(IMarker.CHAR_END, Math.max(start, text.offset(span.endLine(), span.endColumn()).orElse(start)));
            });
        }
        IResource resource = file.isPresent() ? file.get() : project.resource();
        resource.createMarker(VeridianBuilder.PROBLEM).setAttributes(attributes);
    }

    /** The workspace's file, when it belongs to this project; a path from outside (the standard library) does not. */
    private Optional<IFile> file(Path path) {
        IPath location = IPath.fromPath(project.location());
        IPath absolute = IPath.fromPath(path);
        if (!location.isPrefixOf(absolute)) {
            return Optional.empty();
        }
        IFile file = project.resource().getFile(absolute.makeRelativeTo(location));
        return file.exists() ? Optional.of(file) : Optional.empty();
    }
}
