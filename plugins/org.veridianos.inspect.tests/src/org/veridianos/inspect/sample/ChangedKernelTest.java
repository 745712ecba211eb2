package org.veridianos.inspect.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.InspectException;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.ObjectNode;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.ThreadState;

/** Kernels whose developer moved, widened, added or removed fields: what is read follows the description, without a change here. */
class ChangedKernelTest {

    private static final SyntheticKernel.Size SMALL = new SyntheticKernel.Size(9, 3, 130, 10, 700);

    private static Snapshot take(Consumer<Map<String, TypeSpec>> change, Request request) throws IOException, InspectException {
        return new SyntheticKernel(SMALL, change).source().take(request, Cancel.NEVER);
    }

    /** What a view shows of a kernel, whatever its layout: everything but addresses. */
    private static List<Object> shown(Snapshot s) {
        return List.of(s.threads().stream().map(t -> List.of(t.id(), t.name(), t.run(), t.classText(), t.cpu(), t.waiting().reason(), t.runTime())).toList(),
                s.processes().stream().map(p -> List.of(p.pid(), p.title(), p.life(), p.parent(), p.threads().size())).toList(),
                s.runQueues().stream().map(q -> List.of(q.cpu(), q.state(), q.length(), q.load(), q.ready().stream().map(r -> s.thread(r.thread()).get().id()).toList()))
                        .toList(),
                s.capabilitySpaces().stream().map(c -> List.of(c.id(), c.pid(), c.capabilities().stream().map(o -> List.of(o.token(), o.kind(), o.rights(), o.badge()))
                        .toList())).toList(),
                s.pageTables().stream().map(t -> List.of(t.owner(), t.ranges(PageTable.Half.ALL, 1000).ranges().size())).toList(),
                s.endpoints().size(), s.memory().orElseThrow().zones().size(), s.memory().orElseThrow().slabs().get(0).name());
    }

    @Test
    void aSoundKernelIsReadWhole() throws Exception {
        Snapshot s = take(specs -> {
        }, Request.everything());
        assertEquals(List.of(), s.missing());
        assertEquals(List.of(), s.problems());
        assertEquals(9, s.processes().size());
        assertEquals(27, s.threads().size());
        assertEquals(10, s.threads().stream().filter(t -> t.run() == ThreadState.Run.READY).count());
        assertEquals(10, s.runQueues().stream().mapToInt(q -> q.ready().size()).sum());
        assertEquals(9 * 130, s.capabilitySpaces().stream().mapToInt(c -> c.capabilities().size()).sum());
        assertEquals(700, s.pageTables().stream().filter(t -> t.pid() == 1).findFirst().orElseThrow().ranges(PageTable.Half.ALL, 10)
                .ranges().get(0).pages());
        assertEquals(1, s.endpoints().size());
        assertTrue(s.threads().stream().allMatch(t -> t.consistency().consistent()));
    }

    @Test
    void fieldsThatAreAddedReorderedAndWidenedChangeNothingOfWhatIsShown() throws Exception {
        List<Object> before = shown(take(specs -> {
        }, Request.everything()));
        for (String type : List.of("Thread", "Process", "Task", "Wait", "Slot", "Space", "Directory", "Scheduler", "RunQueue", "PerCpu", "AddressSpace", "Section",
                "FrameInfo", "Zone", "SlabCache", "Endpoint", "Queues", "Object", "Node", "List", "Members")) {
            assertEquals(before, shown(take(specs -> specs.get(type).insert(0, "surprise u64"), Request.everything())), "added to " + type);
            assertEquals(before, shown(take(specs -> specs.get(type).reverse(), Request.everything())), "reordered " + type);
        }
        assertEquals(before, shown(take(specs -> {
            specs.get("Process").retype("pid", "u64");
            specs.get("Thread").retype("id", "u64");
            specs.get("Task").retype("class", "u32");
            specs.get("Task").retype("queue", "i64");
            specs.get("Wait").retype("reason", "u16");
        }, Request.everything())));
    }

    @Test
    void aFieldThatIsGoneIsNamedAndTheRestIsShown() throws Exception {
        Map<String, String> gone = Map.of("Task class", "Task.class", "Process name", "Process.name", "Slot badge", "Slot.badge", "PerCpu hardware_id", "PerCpu.hardware_id",
                "Wait object", "Wait.object", "Zone free", "Zone.free", "Scheduler load", "Scheduler.load");
        for (Map.Entry<String, String> each : gone.entrySet()) {
            String[] words = each.getKey().split(" ");
            Snapshot s = take(specs -> specs.get(words[0]).remove(words[1]), Request.everything());
            assertEquals(1, s.missing().size(), s.missing().toString());
            assertTrue(s.missing().get(0).endsWith("." + words[1]), s.missing().toString());
            assertEquals(27, s.threads().size());
            assertEquals(9, s.capabilitySpaces().size());
            assertEquals(4, s.runQueues().size());
        }
    }

    @Test
    void aListThatIsGoneIsNamedAndOtherPartsAreShown() throws Exception {
        Snapshot s = take(specs -> specs.get("Members").remove("threads"), Request.everything());
        assertTrue(s.missing().contains("Process.members.threads"), s.missing().toString());
        assertEquals(9, s.processes().size());
        assertEquals(9, s.capabilitySpaces().size());
    }

    @Test
    void aNewTypeBehindANewListAppearsInTheGenericView() throws Exception {
        Snapshot s = take(specs -> {
            specs.put("Novelty", new TypeSpec("Novelty", 0, "colour u32, next *Novelty"));
            specs.get("ProcessTree").insert(0, "news *Novelty");
            specs.get("ProcessTree").also("list", "news", "next");
        }, Request.of(Part.OBJECTS).withDepth(2));
        ObjectNode news = s.objects().find("processes/news").orElseThrow();
        assertEquals("Novelty", news.type());
        assertEquals("list", news.kind());
        assertEquals("0 elements", news.value());
        assertEquals("src/novelty.rs", news.file());
    }

    @Test
    void theGenericViewOpensWhatIsAskedFor() throws Exception {
        Snapshot s = take(specs -> {
        }, Request.of(Part.OBJECTS).withExpanded(Set.of("processes", "processes/all", "processes/all/anchor", "processes/all/anchor/[2]")));
        ObjectNode process = s.objects().find("processes/all/anchor/[2]").orElseThrow();
        assertEquals("Process", process.type());
        assertEquals("3", process.children().stream().filter(c -> c.name().equals("pid")).findFirst().orElseThrow().value());
        assertEquals("Alive", process.children().stream().filter(c -> c.name().equals("life")).findFirst().orElseThrow().value());
        assertFalse(s.objects().find("processes/all/anchor/[2]/kin").orElseThrow().children().size() > 0);
    }
}
