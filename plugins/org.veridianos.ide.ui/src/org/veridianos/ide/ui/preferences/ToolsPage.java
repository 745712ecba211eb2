package org.veridianos.ide.ui.preferences;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.core.runtime.Status;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.jface.layout.GridDataFactory;
import org.eclipse.jface.layout.GridLayoutFactory;
import org.eclipse.jface.preference.PreferencePage;
import org.eclipse.osgi.util.NLS;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.DirectoryDialog;
import org.eclipse.swt.widgets.FileDialog;
import org.eclipse.swt.widgets.Group;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.IWorkbench;
import org.eclipse.ui.IWorkbenchPreferencePage;
import org.osgi.service.prefs.BackingStoreException;
import org.veridianos.ide.Tools;

/** Where Rust, QEMU and GDB are. An empty field means that the tool is found by itself; <i>Detect</i> says where. */
public final class ToolsPage extends PreferencePage implements IWorkbenchPreferencePage {

    private final Map<Tools, Row> rows = new EnumMap<>(Tools.class);

    @Override
    public void init(IWorkbench workbench) {
        setDescription(Messages.Tools_description);
        noDefaultAndApplyButton();
    }

    @Override
    protected Control createContents(Composite parent) {
        Composite area = new Composite(parent, SWT.NONE);
        GridLayoutFactory.fillDefaults().spacing(0, 12).applyTo(area);
        rows.put(Tools.RUST, new Row(area, Tools.RUST, Messages.Tools_rust, Messages.Tools_rustField));
        rows.put(Tools.QEMU, new Row(area, Tools.QEMU, Messages.Tools_qemu, Messages.Tools_qemuField));
        rows.put(Tools.GDB, new Row(area, Tools.GDB, Messages.Tools_gdb, Messages.Tools_gdbField));
        rows.values().forEach(row -> row.detect(false));
        return area;
    }

    @Override
    public boolean performOk() {
        List<Row> changed = new ArrayList<>();
        for (Row row : rows.values()) {
            if (row.isMalformed()) {
                setErrorMessage(NLS.bind(Messages.Tools_notAPath, row.field.getText()));
                return false;
            }
            if (!row.value().equals(row.tool.preferred())) {
                changed.add(row);
            }
        }
        try {
            for (Row row : changed) {
                row.tool.prefer(row.value().orElse(null));
            }
            return true;
        } catch (BackingStoreException unwritable) {
            setErrorMessage(NLS.bind(Messages.Tools_notSaved, unwritable.getMessage()));
            return false;
        }
    }

    /** One tool: field, buttons, and what is known about it. */
    private final class Row {
        private final Tools tool;
        private final Text field;
        private final Label state;
        private final Button detect;

        Row(Composite parent, Tools tool, String title, String label) {
            this.tool = tool;
            Group group = new Group(parent, SWT.NONE);
            group.setText(title);
            GridDataFactory.fillDefaults().grab(true, false).applyTo(group);
            GridLayoutFactory.swtDefaults().numColumns(4).applyTo(group);
            new Label(group, SWT.NONE).setText(label);
            field = new Text(group, SWT.BORDER);
            field.setMessage(Messages.Tools_automatic);
            field.setText(tool.preferred().map(Path::toString).orElse(""));
            GridDataFactory.fillDefaults().grab(true, false).align(SWT.FILL, SWT.CENTER).applyTo(field);
            Button browse = new Button(group, SWT.PUSH);
            browse.setText(Messages.Tools_browse);
            browse.addListener(SWT.Selection, e -> browse());
            detect = new Button(group, SWT.PUSH);
            detect.setText(Messages.Tools_detect);
            detect.setData("veridian.id", "detect." + tool.name());
            detect.addListener(SWT.Selection, e -> detect(true));
            state = new Label(group, SWT.WRAP);
            GridDataFactory.fillDefaults().span(4, 1).grab(true, false).hint(360, 34).applyTo(state);
        }

        private void browse() {
            String chosen;
            if (tool == Tools.GDB) {
                chosen = new FileDialog(getShell()).open();
            } else {
                chosen = new DirectoryDialog(getShell()).open();
            }
            if (chosen != null) {
                field.setText(chosen);
                detect(false);
            }
        }

        boolean isMalformed() {
            try {
                value();
                return false;
            } catch (InvalidPathException malformed) {
                return true;
            }
        }

        Optional<Path> value() {
            String text = field.getText().strip();
            return text.isEmpty() ? Optional.empty() : Optional.of(Path.of(text));
        }

        /** @param search find it anew and fill the field in, instead of looking at what the field says */
        void detect(boolean search) {
            Optional<Path> set = search || isMalformed() ? Optional.empty() : value();
            state.setText(Messages.Tools_looking);
            detect.setEnabled(false);
            Job job = Job.create(Messages.Tools_looking, monitor -> {
                ToolDetector.Result result = ToolDetector.detect(tool, set);
                if (!state.isDisposed()) {
                    state.getDisplay().asyncExec(() -> show(result, search));
                }
                return Status.OK_STATUS;
            });
            job.schedule();
        }

        private void show(ToolDetector.Result result, boolean fill) {
            if (!state.isDisposed()) {
                state.setText(result.message().replace("&", "&&"));
                state.setToolTipText(result.message());
                detect.setEnabled(true);
                if (fill) {
                    result.place().ifPresent(place -> field.setText(place.toString()));
                }
            }
        }
    }
}
