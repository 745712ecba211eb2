package org.veridianos.ide.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.IMarker;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.Platform;
import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.jface.text.IRegion;
import org.eclipse.jface.text.ITextViewer;
import org.eclipse.jface.text.Region;
import org.eclipse.jface.text.source.ISourceViewer;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.StyleRange;
import org.eclipse.swt.custom.StyledText;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.ui.IEditorPart;
import org.eclipse.ui.ide.IDE;
import org.eclipse.ui.texteditor.MarkerAnnotation;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.veridianos.ide.build.Problems;
import org.veridianos.ide.build.VeridianBuilder;
import org.veridianos.ide.ui.editor.SourcePairMatcher;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;

/** The generic editor on the languages of a kernel. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
class EditorTest {

    private static final String RUST = """
            //! Page tables.
            /* a comment /* in a comment */ still one */
            use core::fmt;

            #[repr(C)]
            pub struct Entry<'a>(u64, &'a str);

            /// Makes "one".
            pub fn entry(c: char) -> u64 {
                let quote = '"'; // not a string
                let raw = r#"a "raw" one // here"#;
                println!("at {}", PAGE_SIZE);
                if c == '\\'' { 0x1000 } else { 4_096 }
            }
            """;

    private IProject project;

    @BeforeEach
    void open() throws CoreException {
        Bot.tidy();
        project = ResourcesPlugin.getWorkspace().getRoot().getProject("editing");
        if (!project.exists()) {
            project.create(null);
        }
        project.open(null);
    }

    private IFile file(String name, String text) throws CoreException {
        IFile file = project.getFile(name);
        if (file.exists()) {
            file.delete(true, null);
        }
        file.create(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), true, null);
        return file;
    }

    private static ITextViewer edit(IFile file) {
        IEditorPart editor = Bot.ui(() -> IDE.openEditor(Bot.window().getActivePage(), file));
        assertEquals("org.eclipse.ui.genericeditor.GenericEditor", Bot.ui(() -> editor.getSite().getId()), file.getName());
        ITextViewer viewer = Bot.ui(() -> editor.getAdapter(ITextViewer.class));
        Bot.run(() -> viewer.getTextWidget().setFocus());
        Bot.idle();
        return viewer;
    }

    /** The theme colour at the first character of {@code fragment}. */
    private static void assertColour(StyledText text, String fragment, String colour) {
        RGB expected = colour == null ? null : Bot.ui(() -> JFaceResources.getColorRegistry().getRGB("org.veridianos.ide.ui.source." + colour));
        RGB actual = Bot.ui(() -> {
            int offset = text.getText().indexOf(fragment);
            assertTrue(offset >= 0, fragment);
            StyleRange style = text.getStyleRangeAtOffset(offset);
            return style == null || style.foreground == null ? null : style.foreground.getRGB();
        });
        assertEquals(expected, actual, fragment);
    }

    @Test
    void rustIsHighlighted() throws CoreException {
        StyledText text = edit(file("entry.rs", RUST)).getTextWidget();
        assertColour(text, "//! Page", "documentation");
        assertColour(text, "still one", "comment");
        assertColour(text, "use core", "keyword");
        assertColour(text, "core::fmt", null);
        assertColour(text, "#[repr", "attribute");
        assertColour(text, "'a>", "lifetime");
        assertColour(text, "u64", "type");
        assertColour(text, "Entry<", "type");
        assertColour(text, "/// Makes", "documentation");
        assertColour(text, "entry(c", "function");
        assertColour(text, "'\"'", "string");
        assertColour(text, "// not a", "comment");
        assertColour(text, "\"raw\" one // here", "string");
        assertColour(text, "println!", "macro");
        assertColour(text, "PAGE_SIZE", "constant");
        assertColour(text, "'\\''", "string");
        assertColour(text, "0x1000", "number");
        Bot.picture("editor-rust");
    }

    @Test
    void anEditThatOpensACommentRecoloursWhatFollows() throws CoreException {
        ITextViewer viewer = edit(file("edit.rs", "fn one() {}\nfn two() {}\n/* end */\n"));
        assertColour(viewer.getTextWidget(), "fn two", "keyword");
        Bot.run(() -> viewer.getTextWidget().replaceTextRange(0, 0, "/*"));
        Bot.idle();
        assertColour(viewer.getTextWidget(), "fn two", "comment");
        Bot.run(() -> viewer.getTextWidget().replaceTextRange(0, 2, ""));
        Bot.idle();
        assertColour(viewer.getTextWidget(), "fn two", "keyword");
    }

    @Test
    void tomlLinkerScriptAndAssemblyAreHighlighted() throws CoreException {
        StyledText toml = edit(file("Some.toml", "# comment\n[package]\nname = \"veridian\" # end\nversion = 1\nfast = true\n")).getTextWidget();
        assertColour(toml, "# comment", "comment");
        assertColour(toml, "[package]", "type");
        assertColour(toml, "name", "attribute");
        assertColour(toml, "\"veridian\"", "string");
        assertColour(toml, "true", "keyword");
        StyledText script = edit(file("kernel.ld", "/* layout */\nENTRY(start)\nSECTIONS {\n  .text : { KEEP(*(.boot)) }\n  . = ALIGN(0x1000);\n}\n")).getTextWidget();
        assertColour(script, "/* layout", "comment");
        assertColour(script, "SECTIONS", "keyword");
        assertColour(script, ".text", "type");
        assertColour(script, "KEEP", "macro");
        assertColour(script, "0x1000", "number");
        StyledText assembly = edit(file("boot.S", "// entry\n.global start\nstart:\n  mov x0, #1\n  b start // again\n")).getTextWidget();
        assertColour(assembly, "// entry", "comment");
        assertColour(assembly, ".global", "attribute");
        assertColour(assembly, "start:", "function");
        assertColour(assembly, "mov", "keyword");
        assertColour(assembly, "x0", "type");
        Bot.picture("editor-assembly");
    }

    @ParameterizedTest
    @CsvSource({"a.rs,rust", "b.toml,toml", "c.ld,linkerScript", "d.S,assembly"})
    void filesHaveTheirContentType(String name, String type) {
        assertEquals("org.veridianos.ide.ui." + type, Platform.getContentTypeManager().findContentTypeFor(name).getId());
    }

    @Test
    void bracketsMatchInCodeAndNotInStrings() throws CoreException {
        ITextViewer viewer = edit(file("pair.rs", "fn f() { let s = \"}\"; /* } */ }\n"));
        SourcePairMatcher matcher = new SourcePairMatcher();
        IRegion pair = Bot.ui(() -> matcher.match(viewer.getDocument(), 8));
        assertEquals(new Region(7, 24), pair);
        assertNull(Bot.ui(() -> matcher.match(viewer.getDocument(), 2)));
        matcher.dispose();
    }

    @ParameterizedTest
    @CsvSource({"x.rs,//", "x.toml,#", "x.S,//"})
    void commentsToggleWithTheKeyboard(String name, String comment) throws CoreException {
        ITextViewer viewer = edit(file(name, "    one\n\n  two\nthree\n"));
        Bot.run(() -> viewer.setSelectedRange(0, 15));
        Bot.key(SWT.CTRL, 0, '/');
        Bot.waitFor("comments", () -> viewer.getDocument().get().equals("  " + comment + "   one\n\n  " + comment + " two\nthree\n"));
        Bot.run(() -> viewer.setSelectedRange(0, viewer.getDocument().get().indexOf("three")));
        Bot.key(SWT.CTRL, 0, '/');
        Bot.waitFor("no comments", () -> viewer.getDocument().get().equals("    one\n\n  two\nthree\n"));
    }

    @Test
    void linkerScriptsGetBlockComments() throws CoreException {
        ITextViewer viewer = edit(file("x.ld", "ENTRY(start)\n"));
        Bot.run(() -> viewer.setSelectedRange(0, 0));
        Bot.command("org.veridianos.ide.ui.toggleComment");
        Bot.waitFor("a comment", () -> viewer.getDocument().get().equals("/* ENTRY(start) */\n"));
        Bot.command("org.veridianos.ide.ui.toggleComment");
        Bot.waitFor("no comment", () -> viewer.getDocument().get().equals("ENTRY(start)\n"));
    }

    @Test
    void theKeyOfCommentsBelongsToOurLanguagesAlone() throws CoreException {
        ITextViewer viewer = edit(file("notes.txt", "one\n"));
        Bot.key(SWT.CTRL, 0, '/');
        Bot.idle();
        assertEquals("one\n", Bot.ui(() -> viewer.getDocument().get()));
        assertNotNull(viewer);
    }

    @Test
    void theLightBulbStandsOnlyBesideAProblemWithAFix() throws CoreException {
        IFile file = file("bulb.rs", "fn one() {}\nfn two() {}\n");
        IMarker error = file.createMarker(VeridianBuilder.PROBLEM, Map.of(IMarker.SEVERITY, IMarker.SEVERITY_ERROR, IMarker.LINE_NUMBER, 1));
        IMarker untrusted = file.createMarker(VeridianBuilder.PROBLEM,
                Map.of(IMarker.SEVERITY, IMarker.SEVERITY_WARNING, IMarker.LINE_NUMBER, 2, Problems.UNTRUSTED, true));
        ISourceViewer viewer = (ISourceViewer) edit(file);
        Map<IMarker, Boolean> fixable = Bot.ui(() -> {
            Map<IMarker, Boolean> found = new HashMap<>();
            viewer.getAnnotationModel().getAnnotationIterator().forEachRemaining(annotation -> {
                if (annotation instanceof MarkerAnnotation marker && marker.isQuickFixableStateSet()) {
                    found.put(marker.getMarker(), marker.isQuickFixable());
                }
            });
            return found;
        });
        assertEquals(Map.of(error, false, untrusted, true), fixable);
        Bot.picture("light-bulb");
    }

    @Test
    void aLargeFileOpensWithoutAStall() throws CoreException {
        StyledText text = edit(file("large.rs", RUST.repeat(100))).getTextWidget();
        assertColour(text, "println!", "macro");
        Bot.run(() -> text.setTopIndex(text.getLineCount() - 20));
        Bot.run(() -> text.replaceTextRange(text.getCharCount(), 0, "fn last() {}\n"));
        Bot.idle();
    }
}
