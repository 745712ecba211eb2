/**
 * The IDE without widgets: what the workspace knows of kernels, tools and machines.
 *
 * <p>{@code project} holds natures, locations and trust; {@code build} the builder and its markers; {@code launch} the
 * launch configuration type and the machines that run. Whoever wants to ask the user does it in the UI bundle: here a
 * question is a status that a debug status handler answers, and without a handler the careful answer counts.
 */
package org.veridianos.ide;
