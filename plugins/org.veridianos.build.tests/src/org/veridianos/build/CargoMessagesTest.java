package org.veridianos.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CargoMessagesTest {

    private static final Path KERNEL = Path.of("/k");

    private final List<Diagnostic> diagnostics = new ArrayList<>();
    private final List<Image> images = new ArrayList<>();
    private final List<String> progress = new ArrayList<>();
    private final CargoMessages messages = new CargoMessages(KERNEL, Target.AARCH64, new BuildListener() {
        @Override
        public void diagnostic(Diagnostic diagnostic) {
            diagnostics.add(diagnostic);
        }

        @Override
        public void image(Image image) {
            images.add(image);
        }

        @Override
        public void progress(String what) {
            progress.add(what);
        }
    });

    private static String span(String file, boolean primary, String expansion) {
        return "{\"file_name\":\"" + file + "\",\"is_primary\":" + primary
                + ",\"line_start\":3,\"line_end\":4,\"column_start\":5,\"column_end\":6,\"expansion\":" + expansion + "}";
    }

    private static String message(String manifest, String level, String code, String spans) {
        return "{\"reason\":\"compiler-message\",\"manifest_path\":\"" + manifest + "\",\"message\":{\"level\":\"" + level + "\",\"message\":\"words\",\"code\":" + code
                + ",\"rendered\":\"rendered words\\n\",\"spans\":[" + spans + "]}}";
    }

    @Test
    void anErrorHasPlaceCodeAndRenderedText() {
        messages.accept(message("/k/Cargo.toml", "error", "{\"code\":\"E0308\",\"explanation\":null}",
                span("src/other.rs", false, "null") + "," + span("src/main.rs", true, "null")));
        assertEquals(List.of(new Diagnostic(Diagnostic.Level.ERROR, "words", Optional.of("E0308"), "rendered words\n",
                Optional.of(new Diagnostic.Span(Path.of("/k/src/main.rs"), 3, 5, 4, 6)), Target.AARCH64)), diagnostics);
    }

    @Test
    void aWarningKeepsItsLintsName() {
        messages.accept(message("/k/Cargo.toml", "warning", "{\"code\":\"unused_variables\"}", span("src/main.rs", true, "null")));
        assertEquals(Optional.of("unused_variables"), diagnostics.get(0).code());
        assertEquals(Diagnostic.Level.WARNING, diagnostics.get(0).level());
    }

    @Test
    void placesInUserProgramsStartFromTheirWorkspace() {
        messages.accept(message("/k/user/Cargo.toml", "warning", "null", span("src/lib.rs", true, "null")));
        assertEquals(Path.of("/k/user/src/lib.rs"), diagnostics.get(0).span().orElseThrow().file());
    }

    @Test
    void anErrorInsideALibrarysMacroIsShownAtItsCall() {
        messages.accept(message("/k/Cargo.toml", "error", "null",
                span("/rustc/library/core/src/panic.rs", true, "{\"span\":" + span("src/lib.rs", false, "null") + "}")));
        assertEquals(Path.of("/k/src/lib.rs"), diagnostics.get(0).span().orElseThrow().file());
    }

    @Test
    void theSameMessageOfTwoTestProgramsIsReportedOnce() {
        String line = message("/k/Cargo.toml", "warning", "null", span("src/lib.rs", true, "null"));
        messages.accept(line);
        messages.accept(line);
        assertEquals(1, diagnostics.size());
    }

    @Test
    void summariesWithoutPlaceAreNoDiagnostics() {
        messages.accept("{\"reason\":\"compiler-message\",\"message\":{\"level\":\"error\",\"message\":\"aborting due to 2 previous errors\",\"spans\":[]}}");
        messages.accept("{\"reason\":\"compiler-message\",\"message\":{\"level\":\"warning\",\"message\":\"3 warnings emitted\",\"spans\":[]}}");
        assertEquals(List.of(), diagnostics);
    }

    @Test
    void aLinkErrorWithoutPlaceIsADiagnostic() {
        messages.accept("{\"reason\":\"compiler-message\",\"message\":{\"level\":\"error\",\"message\":\"linking failed\",\"spans\":[]}}");
        assertEquals("linking failed", diagnostics.get(0).message());
        assertEquals(Optional.empty(), diagnostics.get(0).span());
    }

    @Test
    void anImageIsAnnounced() {
        messages.accept("{\"reason\":\"veridian-image\",\"arch\":\"riscv64\",\"profile\":\"dev\",\"elf\":\"/t/veridian.elf\",\"boot\":\"/t/veridian.boot\","
                + "\"initrd\":\"/t/initrd.img\",\"build_id\":\"abc\",\"test\":\"memory\"}");
        assertEquals(List.of(new Image(Target.RISCV64, "dev", Path.of("/t/veridian.elf"), Path.of("/t/veridian.boot"), Optional.of(Path.of("/t/initrd.img")),
                "abc", Optional.of("memory"))), images);
    }

    @Test
    void onlyFreshWorkIsProgress() {
        messages.accept("{\"reason\":\"compiler-artifact\",\"fresh\":true,\"target\":{\"name\":\"old\"}}");
        messages.accept("{\"reason\":\"compiler-artifact\",\"fresh\":false,\"target\":{\"name\":\"new\"}}");
        assertEquals(List.of("Compiled new"), progress);
    }

    @Test
    void nonsenseIsSkipped() {
        for (String line : List.of("", "plain text", "{", "{\"reason\":17}", "{\"reason\":\"veridian-image\",\"arch\":\"vax\"}",
                "{\"reason\":\"compiler-message\"}", "{\"reason\":\"something-new\"}", "{\"reason\":\"compiler-message\",\"message\":{\"spans\":[7]}}")) {
            messages.accept(line);
        }
        assertEquals(List.of(), diagnostics);
        assertTrue(images.isEmpty());
    }
}
