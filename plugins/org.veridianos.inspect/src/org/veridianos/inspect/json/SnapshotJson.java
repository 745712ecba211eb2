package org.veridianos.inspect.json;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.analysis.PageFindings;
import org.veridianos.inspect.analysis.WaitForGraph;
import org.veridianos.inspect.model.Capability;
import org.veridianos.inspect.model.CapabilitySpace;
import org.veridianos.inspect.model.Consistency;
import org.veridianos.inspect.model.Endpoint;
import org.veridianos.inspect.model.KernelObject;
import org.veridianos.inspect.model.ObjectNode;
import org.veridianos.inspect.model.PageFormat;
import org.veridianos.inspect.model.PageTable;
import org.veridianos.inspect.model.PhysicalMemory;
import org.veridianos.inspect.model.ProcessState;
import org.veridianos.inspect.model.Region;
import org.veridianos.inspect.model.RunQueue;
import org.veridianos.inspect.model.ThreadState;

/**
 * A snapshot as JSON. Addresses, tokens, badges and masks are hexadecimal strings, since not every reader of JSON has 64-bit
 * integers; counts and times are numbers. What stood still while it was read has no {@code inconsistent}; else it is the reason.
 */
public final class SnapshotJson {

    /** Version of the schema. */
    public static final int SCHEMA = 1;

    private static final int MOST_RANGES = 100_000;

    private SnapshotJson() {
    }

    /** Everything that was asked for. */
    public static JsonObject of(Snapshot snapshot) {
        JsonObject json = new JsonObject();
        json.addProperty("schema", SCHEMA);
        json.addProperty("machine", snapshot.machine().id());
        json.addProperty("architecture", snapshot.machine().architecture().id());
        json.addProperty("taken", snapshot.taken().toString());
        json.addProperty("microseconds", snapshot.nanoseconds() / 1000);
        json.add("missing", strings(snapshot.missing()));
        json.add("problems", strings(snapshot.problems()));
        if (snapshot.request().has(Part.THREADS)) {
            json.add("processes", array(snapshot.processes(), SnapshotJson::process));
            json.add("threads", array(snapshot.threads(), t -> thread(snapshot, t)));
            json.add("deadlocks", strings(new WaitForGraph(snapshot).deadlocks().stream().map(WaitForGraph.Deadlock::text).toList()));
        }
        if (snapshot.request().has(Part.RUN_QUEUES)) {
            json.add("cpus", array(snapshot.runQueues(), q -> runQueue(snapshot, q)));
        }
        if (snapshot.request().has(Part.CAPABILITIES)) {
            json.add("spaces", array(snapshot.capabilitySpaces(), s -> space(snapshot, s)));
        }
        if (snapshot.request().has(Part.PAGE_TABLES)) {
            json.add("addressSpaces", array(snapshot.pageTables(), SnapshotJson::pageTable));
            json.add("findings", strings(PageFindings.of(snapshot, List.of()).stream().map(PageFindings.Finding::text).toList()));
        }
        if (snapshot.request().has(Part.ENDPOINTS)) {
            json.add("endpoints", array(snapshot.endpoints(), e -> endpoint(snapshot, e)));
        }
        if (snapshot.request().has(Part.MEMORY)) {
            snapshot.memory().ifPresent(memory -> json.add("memory", memory(memory)));
        }
        if (snapshot.request().has(Part.OBJECTS)) {
            json.add("roots", array(snapshot.objects().roots(), SnapshotJson::node));
        }
        return json;
    }

    private static JsonObject process(ProcessState p) {
        JsonObject json = new JsonObject();
        json.addProperty("pid", p.pid());
        json.addProperty("name", p.name());
        json.addProperty("state", p.life());
        json.addProperty("status", p.status());
        json.addProperty("parent", p.parent());
        json.addProperty("threads", p.threads().size());
        json.addProperty("address", hex(p.address()));
        json.addProperty("capabilitySpace", hex(p.space()));
        json.addProperty("addressSpace", hex(p.addressSpace()));
        return consistent(json, p.consistency());
    }

    private static JsonObject thread(Snapshot snapshot, ThreadState t) {
        JsonObject json = new JsonObject();
        json.addProperty("id", t.id());
        json.addProperty("pid", t.pid());
        json.addProperty("name", t.name());
        json.addProperty("state", t.run().name().toLowerCase(Locale.ROOT));
        json.addProperty("class", t.schedulingClass());
        json.addProperty("level", t.level());
        json.addProperty("rank", t.rank());
        json.addProperty("baseRank", t.baseRank());
        json.addProperty("cpu", t.cpu());
        json.addProperty("affinity", hex(t.affinity()));
        if (t.run() == ThreadState.Run.BLOCKED) {
            JsonObject waiting = new JsonObject();
            waiting.addProperty("reason", t.waiting().reason());
            waiting.addProperty("text", t.waiting().text());
            if (t.waiting().object().address() != 0) {
                waiting.add("object", object(t.waiting().object()));
            }
            waiting.addProperty("argument", hex(t.waiting().argument()));
            if (t.waiting().viaSlot() != 0) {
                waiting.addProperty("slot", hex(t.waiting().viaSlot()));
            }
            if (t.waiting().deadline() != 0) {
                waiting.addProperty("deadline", t.waiting().deadline());
            }
            json.add("waiting", waiting);
            json.add("chain", names(snapshot, t.chain()));
        }
        json.addProperty("virtualTime", t.virtualTime());
        json.addProperty("runTime", t.runTime());
        json.addProperty("waitTime", t.waitTime());
        json.addProperty("switches", t.switches());
        json.addProperty("migrations", t.migrations());
        json.addProperty("address", hex(t.address()));
        return consistent(json, t.consistency());
    }

    private static JsonObject runQueue(Snapshot snapshot, RunQueue q) {
        JsonObject json = new JsonObject();
        json.addProperty("cpu", q.cpu());
        json.addProperty("hardwareId", q.hardwareId());
        json.addProperty("node", q.node());
        json.addProperty("state", q.state());
        json.addProperty("running", q.isIdle() ? null : name(snapshot, q.running()));
        json.add("ready", array(q.ready(), r -> {
            JsonObject entry = new JsonObject();
            entry.addProperty("thread", name(snapshot, r.thread()));
            entry.addProperty("rank", r.rank());
            entry.addProperty("key", r.key());
            return entry;
        }));
        json.addProperty("length", q.length());
        json.addProperty("load", q.load());
        json.addProperty("floor", q.floor());
        json.addProperty("switches", q.switches());
        json.addProperty("migrations", q.migrations());
        json.addProperty("idleTime", q.idleTime());
        json.addProperty("ticks", q.ticks());
        json.add("sleepers", names(snapshot, q.sleepers()));
        return consistent(json, q.consistency());
    }

    private static JsonObject space(Snapshot snapshot, CapabilitySpace s) {
        JsonObject json = new JsonObject();
        json.addProperty("id", s.id());
        json.add("holder", object(s.holder()));
        json.addProperty("pid", s.pid());
        json.addProperty("limit", s.limit());
        json.addProperty("chunks", s.chunks().size());
        json.add("capabilities", array(s.capabilities(), c -> capability(snapshot, s, c)));
        json.addProperty("address", hex(s.address()));
        return consistent(json, s.consistency());
    }

    private static JsonObject capability(Snapshot snapshot, CapabilitySpace s, Capability c) {
        JsonObject json = new JsonObject();
        json.addProperty("token", hex(c.token()));
        json.addProperty("index", c.index());
        json.addProperty("generation", Integer.toUnsignedLong(c.generation()));
        json.add("object", object(snapshot.object(c.object(), c.kind())));
        json.addProperty("rights", s.rightsText(c));
        json.addProperty("badge", hex(c.badge()));
        json.addProperty("policy", c.policy());
        if ((c.flags() & Capability.REVOKING) != 0) {
            json.addProperty("revoking", true);
        }
        json.addProperty("slot", hex(c.slot()));
        if (c.parent() != 0) {
            json.addProperty("parent", hex(c.parent()));
        }
        return consistent(json, c.isConsistent() ? Consistency.OK : Consistency.broken("it changed while it was read"));
    }

    private static JsonObject pageTable(PageTable t) {
        JsonObject json = new JsonObject();
        json.addProperty("owner", t.owner());
        json.addProperty("pid", t.pid());
        json.addProperty("registerName", t.registerName());
        json.addProperty("register", hex(t.register()));
        json.addProperty("resident", t.resident());
        PageTable.Ranges ranges = t.ranges(PageTable.Half.ALL, MOST_RANGES);
        json.add("ranges", array(ranges.ranges(), r -> {
            JsonObject range = new JsonObject();
            range.addProperty("start", hex(r.start()));
            range.addProperty("end", hex(r.end()));
            range.addProperty("pageSize", PageFormat.size(r.level()));
            range.addProperty("pages", r.pages());
            range.addProperty("permissions", r.permissions().toString());
            range.addProperty("physical", hex(r.physical()));
            range.addProperty("contiguous", r.contiguous());
            range.addProperty("accessed", r.accessed());
            range.addProperty("dirty", r.dirty());
            return range;
        }));
        json.addProperty("whole", ranges.whole());
        json.add("regions", array(t.regions(), SnapshotJson::region));
        json.addProperty("address", hex(t.addressSpace()));
        return consistent(json, t.consistency());
    }

    private static JsonObject region(Region r) {
        JsonObject json = new JsonObject();
        json.addProperty("start", hex(r.start()));
        json.addProperty("end", hex(r.end()));
        json.addProperty("kind", r.kind());
        json.addProperty("flags", r.flags());
        json.addProperty("object", hex(r.object()));
        json.addProperty("offset", r.offset());
        return json;
    }

    private static JsonObject endpoint(Snapshot snapshot, Endpoint e) {
        JsonObject json = object(e.object());
        json.add("senders", names(snapshot, e.senders()));
        json.add("receivers", names(snapshot, e.receivers()));
        json.add("inFlight", names(snapshot, e.inFlight()));
        json.addProperty("buffered", e.buffered());
        json.addProperty("capacity", e.capacity());
        json.addProperty("bits", hex(e.bits()));
        JsonObject counters = new JsonObject();
        e.counters().forEach(c -> counters.addProperty(c.name(), c.value()));
        json.add("counters", counters);
        return consistent(json, e.consistency());
    }

    private static JsonObject memory(PhysicalMemory memory) {
        JsonObject json = new JsonObject();
        json.add("zones", array(memory.zones(), z -> {
            JsonObject zone = new JsonObject();
            zone.addProperty("node", z.node());
            zone.addProperty("name", z.name());
            zone.addProperty("free", z.free());
            zone.addProperty("total", z.total());
            JsonArray chunks = new JsonArray();
            z.chunks().forEach(chunks::add);
            zone.add("chunks", chunks);
            zone.addProperty("partial", z.partial());
            zone.addProperty("partialFree", z.partialFree());
            return consistent(zone, z.consistency());
        }));
        json.add("slabs", array(memory.slabs(), s -> {
            JsonObject slab = new JsonObject();
            slab.addProperty("name", s.name());
            slab.addProperty("size", s.size());
            slab.addProperty("stride", s.stride());
            slab.addProperty("slabs", s.slabs());
            slab.addProperty("slots", s.slots());
            slab.addProperty("used", s.used());
            slab.addProperty("cached", s.cached());
            slab.addProperty("bytes", s.bytes());
            return consistent(slab, s.consistency());
        }));
        json.add("reserved", array(memory.reserved(), r -> {
            JsonObject range = new JsonObject();
            range.addProperty("start", hex(r.start()));
            range.addProperty("end", hex(r.end()));
            range.addProperty("name", r.name());
            return range;
        }));
        return json;
    }

    private static JsonObject node(ObjectNode n) {
        JsonObject json = new JsonObject();
        json.addProperty("name", n.name());
        json.addProperty("path", n.path());
        json.addProperty("type", n.type());
        json.addProperty("kind", n.kind());
        if (!n.value().isEmpty()) {
            json.addProperty("value", n.value());
        }
        json.addProperty("address", hex(n.address()));
        if (n.line() > 0) {
            json.addProperty("source", n.file() + ":" + n.line());
        }
        json.addProperty("expandable", n.expandable());
        if (!n.children().isEmpty()) {
            json.add("children", array(n.children(), SnapshotJson::node));
        }
        return consistent(json, n.consistency());
    }

    private static JsonObject object(KernelObject o) {
        JsonObject json = new JsonObject();
        json.addProperty("kind", o.kind());
        json.addProperty("name", o.name());
        json.addProperty("address", hex(o.address()));
        return json;
    }

    private static JsonObject consistent(JsonObject json, Consistency consistency) {
        if (!consistency.consistent()) {
            json.addProperty("inconsistent", consistency.reason());
        }
        return json;
    }

    private static <T> JsonArray array(Collection<T> all, Function<T, JsonObject> each) {
        JsonArray array = new JsonArray(all.size());
        all.forEach(one -> array.add(each.apply(one)));
        return array;
    }

    private static JsonArray strings(List<String> all) {
        JsonArray array = new JsonArray();
        all.forEach(array::add);
        return array;
    }

    private static JsonArray names(Snapshot snapshot, List<Long> threads) {
        JsonArray array = new JsonArray();
        threads.forEach(t -> array.add(new JsonPrimitive(name(snapshot, t))));
        return array;
    }

    private static String name(Snapshot snapshot, long thread) {
        return snapshot.thread(thread).map(ThreadState::name).orElse("thread at " + hex(thread));
    }

    private static String hex(long number) {
        return "0x" + Long.toHexString(number);
    }
}
