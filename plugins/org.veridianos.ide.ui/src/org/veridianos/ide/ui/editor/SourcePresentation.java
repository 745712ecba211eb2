package org.veridianos.ide.ui.editor;

import java.util.EnumMap;
import java.util.Map;
import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.jface.text.IDocument;
import org.eclipse.jface.text.ITextViewer;
import org.eclipse.jface.text.TextAttribute;
import org.eclipse.jface.text.presentation.PresentationReconciler;
import org.eclipse.jface.text.rules.DefaultDamagerRepairer;
import org.eclipse.jface.text.rules.IToken;
import org.eclipse.jface.text.rules.ITokenScanner;
import org.eclipse.jface.text.rules.RuleBasedScanner;
import org.eclipse.jface.text.rules.Token;
import org.eclipse.jface.util.IPropertyChangeListener;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.StyledText;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.contexts.IContextActivation;
import org.eclipse.ui.contexts.IContextService;

/**
 * Colours one viewer. Follows the theme while it is installed, and makes the keys for source code work while the
 * viewer has the focus, so that they do not exist in editors of other languages.
 */
public abstract class SourcePresentation extends PresentationReconciler {

    /** The key binding context of these languages. */
    public static final String CONTEXT = "org.veridianos.ide.ui.sourceContext";

    private final Language language;
    private final Map<SourceColour, IToken> tokens = new EnumMap<>(SourceColour.class);
    private final IPropertyChangeListener themeListener = event -> themeChanged(event.getProperty());
    private ITextViewer viewer;
    private IContextActivation activation;
    private boolean recolouring;

    /** For {@code .rs}. */
    public static final class Rust extends SourcePresentation {
        /** Called by the editor. */
        public Rust() {
            super(Language.RUST);
        }
    }

    /** For {@code .toml}. */
    public static final class Toml extends SourcePresentation {
        /** Called by the editor. */
        public Toml() {
            super(Language.TOML);
        }
    }

    /** For {@code .ld}. */
    public static final class LinkerScript extends SourcePresentation {
        /** Called by the editor. */
        public LinkerScript() {
            super(Language.LINKER_SCRIPT);
        }
    }

    /** For {@code .S}. */
    public static final class Assembly extends SourcePresentation {
        /** Called by the editor. */
        public Assembly() {
            super(Language.ASSEMBLY);
        }
    }

    private SourcePresentation(Language language) {
        this.language = language;
        setDocumentPartitioning(Partitions.PARTITIONING);
        for (SourceColour colour : SourceColour.values()) {
            tokens.put(colour, new Token(null));
        }
        updateTokens();
        repair(Partitions.CODE, new CodeScanner(language, tokens));
        repair(Partitions.COMMENT, whole(SourceColour.COMMENT));
        repair(Partitions.DOCUMENTATION, whole(SourceColour.DOCUMENTATION));
        repair(Partitions.STRING, whole(SourceColour.STRING));
    }

    private void repair(String partition, ITokenScanner scanner) {
        DefaultDamagerRepairer repairer = new DefaultDamagerRepairer(scanner);
        setDamager(repairer, partition);
        setRepairer(repairer, partition);
    }

    private ITokenScanner whole(SourceColour colour) {
        RuleBasedScanner scanner = new RuleBasedScanner();
        scanner.setDefaultReturnToken(tokens.get(colour));
        return scanner;
    }

    private void updateTokens() {
        tokens.forEach((colour, token) -> ((Token) token)
                .setData(new TextAttribute(JFaceResources.getColorRegistry().get(colour.id()), null, colour.isBold() ? SWT.BOLD : SWT.NORMAL)));
    }

    /** A theme brings its colours one by one; the text gets them all at once, when the last has come. */
    private void themeChanged(String property) {
        if (property.startsWith("org.veridianos.ide.ui.source.") && viewer != null && !recolouring) {
            recolouring = true;
            viewer.getTextWidget().getDisplay().asyncExec(() -> {
                recolouring = false;
                if (viewer != null && viewer.getTextWidget() != null && !viewer.getTextWidget().isDisposed()) {
                    updateTokens();
                    viewer.invalidateTextPresentation();
                }
            });
        }
    }

    @Override
    public void install(ITextViewer textViewer) {
        viewer = textViewer;
        IDocument document = textViewer.getDocument();
        if (document != null) {
            Partitions.install(document, language);
        }
        super.install(textViewer);
        JFaceResources.getColorRegistry().addListener(themeListener);
        StyledText widget = textViewer.getTextWidget();
        widget.addListener(SWT.FocusIn, event -> activateKeys(true));
        widget.addListener(SWT.FocusOut, event -> activateKeys(false));
        widget.addListener(SWT.Dispose, event -> {
            activateKeys(false);
            JFaceResources.getColorRegistry().removeListener(themeListener);
        });
        activateKeys(widget.isFocusControl());
    }

    @Override
    public void uninstall() {
        JFaceResources.getColorRegistry().removeListener(themeListener);
        activateKeys(false);
        viewer = null;
        super.uninstall();
    }

    private void activateKeys(boolean on) {
        IContextService contexts = PlatformUI.isWorkbenchRunning() ? PlatformUI.getWorkbench().getService(IContextService.class) : null;
        if (contexts == null) {
            return;
        }
        if (on && activation == null) {
            activation = contexts.activateContext(CONTEXT);
        } else if (!on && activation != null) {
            contexts.deactivateContext(activation);
            activation = null;
        }
    }
}
