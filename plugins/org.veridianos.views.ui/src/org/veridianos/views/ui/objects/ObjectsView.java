package org.veridianos.views.ui.objects;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.ui.IMemento;
import org.veridianos.ide.ui.terminal.SourceLink;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.inspect.model.ObjectNode;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.Rows;
import org.veridianos.views.ui.model.TreeRow;
import org.veridianos.views.ui.widget.LiveTable;
import org.veridianos.views.ui.widget.Trees;

/**
 * The Kernel Objects view: every root that the kernel describes, as a tree, read by the description alone, so that a new type
 * appears without a change here. S opens the source line of the selected row's type.
 */
public final class ObjectsView extends LiveView<Rows<TreeRow<ObjectNode>>> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.objects";

    private static final int MOST = 100_000;

    private LiveTable<TreeRow<ObjectNode>> table;
    private Trees trees;

    @Override
    protected Control createContent(Composite parent) {
        table = new LiveTable<>(parent, List.of(
                new Column<>(Messages.Objects_name, 220, Column.Kind.TEXT, r -> r.indented(r.value().name()), r -> r.value().path()),
                Column.text(Messages.Objects_value, 170, r -> r.value().value()), Column.text(Messages.Objects_type, 160, r -> simple(r.value().type())),
                Column.hex(Messages.Objects_address, 160, r -> r.value().address()),
                Column.text(Messages.Objects_source, 170, r -> r.value().line() == 0 ? "" : r.value().file() + ":" + r.value().line())), TreeRow::key);
        table.dim(r -> !r.value().consistency().consistent());
        table.onArrangement(this::refresh);
        table.onSelection(r -> select(0, 0, r.value().address(), simple(r.value().type())));
        trees = new Trees(table, this::refresh);
        return table.control();
    }

    private static String simple(String type) {
        return type.substring(type.lastIndexOf(':') + 1);
    }

    @Override
    public Optional<SourceLink> source() {
        TreeRow<ObjectNode> row = table.selected();
        return row == null || row.value().line() == 0 ? Optional.empty()
                : Optional.of(new SourceLink(row.value().file(), row.value().line(), 1, 0, 0, 0));
    }

    @Override
    protected Reading<Rows<TreeRow<ObjectNode>>> reading() {
        Arrangement<TreeRow<ObjectNode>> arrangement = table.arrangement(filterText());
        Set<Object> open = trees.open();
        Set<String> paths = open.stream().map(Object::toString).collect(Collectors.toSet());
        return new Reading<>(Request.of(Part.OBJECTS).withExpanded(paths).withLimit(MOST), (snapshot, memory, previous) -> {
            List<TreeRow<ObjectNode>> rows = new ArrayList<>();
            snapshot.objects().roots().forEach(root -> add(root, 0, open, rows));
            return arrangement.apply(rows);
        });
    }

    private static void add(ObjectNode node, int depth, Set<Object> open, List<TreeRow<ObjectNode>> into) {
        boolean shown = open.contains(node.path());
        into.add(new TreeRow<>(node.path(), depth, node.expandable(), shown, node));
        if (shown) {
            node.children().forEach(child -> add(child, depth + 1, open, into));
        }
    }

    @Override
    protected void show(Snapshot shown, Rows<TreeRow<ObjectNode>> model) {
        table.show(model);
    }

    @Override
    public LiveTable<TreeRow<ObjectNode>> table() {
        return table;
    }

    @Override
    protected void save(IMemento into) {
        table.save(into, "objects");
        into.putString("open", String.join("\n", trees.open().stream().map(Object::toString).toList()));
    }

    @Override
    protected void restore(IMemento from) {
        table.restore(from, "objects");
        if (from != null && from.getString("open") != null) {
            from.getString("open").lines().forEach(trees::open);
        }
    }
}
