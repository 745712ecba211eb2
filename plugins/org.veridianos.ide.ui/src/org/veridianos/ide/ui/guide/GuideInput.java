package org.veridianos.ide.ui.guide;

import org.eclipse.core.runtime.IAdaptable;
import org.eclipse.jface.resource.ImageDescriptor;
import org.eclipse.ui.IEditorInput;
import org.eclipse.ui.IElementFactory;
import org.eclipse.ui.IMemento;
import org.eclipse.ui.IPersistableElement;
import org.veridianos.ide.ui.Images;

/** The guide as an editor's input; there is one guide, so all are equal. Survives a restart. */
public final class GuideInput implements IEditorInput, IPersistableElement {

    private static final String FACTORY = "org.veridianos.ide.ui.guideFactory";

    /** Makes it again after a restart. */
    public static final class Factory implements IElementFactory {
        @Override
        public IAdaptable createElement(IMemento memento) {
            return new GuideInput();
        }
    }

    @Override
    public boolean exists() {
        return true;
    }

    @Override
    public ImageDescriptor getImageDescriptor() {
        return Images.descriptor(Images.GUIDE);
    }

    @Override
    public String getName() {
        return Messages.Guide_name;
    }

    @Override
    public String getToolTipText() {
        return Messages.Guide_name;
    }

    @Override
    public IPersistableElement getPersistable() {
        return this;
    }

    @Override
    public String getFactoryId() {
        return FACTORY;
    }

    @Override
    public void saveState(IMemento memento) {
        // There is one guide; nothing tells one from another.
    }

    @Override
    public <T> T getAdapter(Class<T> adapter) {
        return null;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof GuideInput;
    }

    @Override
    public int hashCode() {
        return FACTORY.hashCode();
    }
}
