package org.veridianos.inspect.read;

import java.util.ArrayList;
import java.util.List;
import org.veridianos.inspect.Cancel;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;

/** Reads the parts that are asked for, one after another, from one memory. */
public final class SnapshotReader {

    private final KernelMemory memory;
    private final Request request;
    private final Cancel cancel;

    /** Reads {@code request} from {@code memory}, once. */
    public SnapshotReader(KernelMemory memory, Request request, Cancel cancel) {
        this.memory = memory;
        this.request = request;
        this.cancel = cancel;
    }

    /** The content of a snapshot. What cannot be read is in it with the reason. */
    public Snapshot.Content read() {
        Snapshot.Content content = new Snapshot.Content();
        List<String> problems = new ArrayList<>(memory.image().types().problems());
        Fields fields = new Fields(memory.image().types());
        Collections collections = new Collections(memory, cancel);
        ThreadReader threads = new ThreadReader(memory, fields, collections, cancel, request.limit(), problems);
        if (request.parts().stream().anyMatch(part -> part != Part.OBJECTS)) {
            threads.read();
            content.processes = List.copyOf(threads.processes);
            content.threads = List.copyOf(threads.threads);
        }
        if (request.has(Part.RUN_QUEUES)) {
            content.runQueues = List.copyOf(new RunQueueReader(memory, fields, collections, cancel, request.limit()).read());
        }
        if (request.has(Part.CAPABILITIES) || request.has(Part.ENDPOINTS)) {
            content.capabilitySpaces = List.copyOf(new CapabilityReader(memory, fields, collections, cancel, request.limit(), problems, threads.objects)
                    .read(threads.process, threads.processes, threads.bySpace));
        }
        if (request.has(Part.ENDPOINTS)) {
            content.endpoints = List.copyOf(new EndpointReader(memory, fields, collections, cancel, request.limit(), threads.objects)
                    .read(content.capabilitySpaces, content.threads));
        }
        if (request.has(Part.MEMORY) || request.has(Part.FRAMES)) {
            content.memory = new PhysicalMemoryReader(memory, fields, collections, cancel, request.limit(), problems)
                    .read(request.has(Part.MEMORY), request.has(Part.FRAMES));
        }
        if (request.has(Part.PAGE_TABLES)) {
            content.pageTables = List.copyOf(new PageTableReader(memory, fields, collections, cancel, request, problems).read(threads.process, threads.processes));
        }
        if (request.has(Part.OBJECTS)) {
            content.objects = new ObjectTreeReader(memory, collections, cancel, request).read();
        }
        content.missing = fields.missing();
        content.problems = List.copyOf(problems);
        return content;
    }
}
