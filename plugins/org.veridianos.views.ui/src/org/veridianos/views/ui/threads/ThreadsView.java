package org.veridianos.views.ui.threads;

import java.util.List;
import java.util.regex.Pattern;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.ui.IMemento;
import org.veridianos.inspect.Part;
import org.veridianos.inspect.Request;
import org.veridianos.inspect.Snapshot;
import org.veridianos.views.ui.Messages;
import org.veridianos.views.ui.live.LiveView;
import org.veridianos.views.ui.live.Reading;
import org.veridianos.views.ui.model.Arrangement;
import org.veridianos.views.ui.model.Column;
import org.veridianos.views.ui.model.Numbers;
import org.veridianos.views.ui.model.Subject;
import org.veridianos.views.ui.model.TaskModel;
import org.veridianos.views.ui.model.TaskModel.Task;
import org.veridianos.views.ui.model.TreeRow;
import org.veridianos.views.ui.widget.LiveTable;
import org.veridianos.views.ui.widget.Trees;

/** The Threads &amp; Processes view: a tree with the columns of a task manager. */
public final class ThreadsView extends LiveView<TaskModel> {

    /** The view's id. */
    public static final String ID = "org.veridianos.views.ui.threads";

    private LiveTable<TreeRow<Task>> table;
    private Trees trees;

    @Override
    protected Control createContent(Composite parent) {
        table = new LiveTable<>(parent, List.of(new Column<>(Messages.Thread_name, 170, Column.Kind.TEXT, r -> r.indented(r.value().name()), r -> r.value().name()),
                Column.text(Messages.Thread_state, 200, r -> r.value().state()),
                Column.measure(Messages.Thread_share, 60, r -> r.value().share(), r -> Numbers.significant(r.value().share() / 10.0) + " %"),
                Column.measure(Messages.Thread_runTime, 80, r -> r.value().runTime(), r -> Numbers.time(r.value().runTime())),
                Column.number(Messages.Thread_threads, 66, r -> (long) r.value().threads()),
                Column.text(Messages.Thread_class, 90, r -> r.value().thread() == null ? "" : r.value().thread().classText()),
                Column.text(Messages.Thread_cpu, 44, r -> r.value().thread() == null ? "" : Integer.toString(r.value().thread().cpu())),
                Column.number(Messages.Thread_switches, 80, r -> r.value().switches()),
                Column.number(Messages.Thread_capabilities, 90, r -> r.value().capabilities()),
                Column.text(Messages.Thread_parent, 60, r -> r.value().thread() != null || r.value().process().parent() == 0 ? "" : Integer.toString(r.value().process().parent()))),
                TreeRow::key);
        table.dim(r -> !(r.value().thread() == null ? r.value().process().consistency() : r.value().thread().consistency()).consistent());
        table.onArrangement(this::refresh);
        table.onSelection(r -> {
            if (r.value().thread() != null) {
                select(r.value().thread().pid(), r.value().thread().address(), r.value().thread().object(), "Thread");
            } else {
                select(r.value().process().pid(), 0, r.value().process().address(), "Process");
            }
        });
        trees = new Trees(table, this::refresh);
        return table.control();
    }

    @Override
    protected Reading<TaskModel> reading() {
        Arrangement<TreeRow<Task>> arrangement = table.arrangement(filterText());
        var open = trees.open();
        return new Reading<>(Request.of(Part.THREADS, Part.CAPABILITIES), (snapshot, memory, previous) -> TaskModel.of(snapshot, previous, open, arrangement));
    }

    @Override
    protected void show(Snapshot shown, TaskModel model) {
        table.show(model.rows());
    }

    @Override
    public LiveTable<TreeRow<Task>> table() {
        return table;
    }

    @Override
    protected void follow(Subject subject) {
        if (!table.select(r -> subject.thread() != 0 && r.value().thread() != null && r.value().thread().address() == subject.thread())) {
            table.select(r -> r.value().thread() == null && r.value().process().pid() == subject.pid());
        }
    }

    @Override
    protected void save(IMemento into) {
        table.save(into, "tasks");
        into.putString("open", String.join(" ", trees.open().stream().map(Object::toString).toList()));
    }

    @Override
    protected void restore(IMemento from) {
        table.restore(from, "tasks");
        String open = from == null ? null : from.getString("open");
        if (open != null) {
            Pattern.compile("\\d{1,9}").matcher(open).results().forEach(pid -> trees.open(Integer.valueOf(pid.group())));
        }
    }
}
