package org.veridianos.views.ui.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.Platform;
import org.eclipse.swt.widgets.Label;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.veridianos.ide.launch.Machines;
import org.veridianos.ide.ui.tests.bot.Bot;
import org.veridianos.ide.ui.tests.bot.UiWatchdog;
import org.veridianos.ide.ui.tests.bot.WarmUp;
import org.veridianos.views.ui.graph.WaitForView;
import org.veridianos.views.ui.runqueues.RunQueuesView;
import org.veridianos.views.ui.threads.ThreadsView;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** The cheat sheet "Find a Deadlock", step by step, by the commands that it holds itself. */
@ExtendWith({WarmUp.class, UiWatchdog.class})
class DeadlockTest {

    private static final long BOOT_PATIENCE = 400_000_000_000L;

    @AfterAll
    static void end() throws CoreException {
        Guest.endAll();
    }

    @Test
    void theCheatSheetLeadsToTheDeadlock() throws Exception {
        Guest.project();
        ViewsTest.perspective();
        Bot.tidy();
        List<String> commands = commands();
        assertEquals(4, commands.size());
        Bot.command(commands.get(0));
        Bot.waitFor("the machine", BOOT_PATIENCE, () -> !Machines.running().isEmpty());
        Bot.command(commands.get(1));
        RunQueuesView queues = Bot.waitFor("the run queues", () -> Bot.window().getActivePage().getActivePart() instanceof RunQueuesView v ? v : null);
        Bot.waitFor("threads that wait for a mutex", BOOT_PATIENCE,
                () -> queues.model() != null && queues.model().blocked().stream().anyMatch(g -> g.reason().equals("Mutex") && g.threads().size() >= 2));
        Bot.command(commands.get(2));
        WaitForView waits = Bot.waitFor("the graph", () -> Bot.window().getActivePage().getActivePart() instanceof WaitForView v ? v : null);
        Bot.waitFor("the deadlock", BOOT_PATIENCE, () -> waits.model() != null && !waits.model().waits().deadlocks().isEmpty());
        String words = Bot.ui(() -> waits.model().waits().deadlocks().get(0));
        assertTrue(words.matches("(\\w+/\\d+) waits for a mutex .* that (\\w+/\\d+) holds; \\2 waits for a mutex .* that \\1 holds"), words);
        Bot.waitFor("it in the window", () -> Bot.find(Bot.window().getShell(), Label.class, l -> l.isVisible() && l.getText().contains("Deadlock: " + words)).size() == 1);
        Bot.sleep(500);
        Bot.picture("deadlock");
        Bot.command(commands.get(3));
        ThreadsView threads = Bot.waitFor("the threads", () -> Bot.window().getActivePage().getActivePart() instanceof ThreadsView v ? v : null);
        Bot.waitFor("the program", () -> threads.model() != null && threads.model().rows().shown().stream().anyMatch(r -> r.value().name().startsWith(words.substring(0, words.indexOf('/')))));
    }

    private static List<String> commands() throws Exception {
        List<String> commands = new ArrayList<>();
        try (InputStream in = Platform.getBundle("org.veridianos.views.ui").getEntry("cheatsheets/find-a-deadlock.xml").openStream()) {
            NodeList nodes = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(in).getElementsByTagName("command");
            for (int i = 0; i < nodes.getLength(); i++) {
                commands.add(((Element) nodes.item(i)).getAttribute("serialization"));
            }
        }
        return commands;
    }
}
