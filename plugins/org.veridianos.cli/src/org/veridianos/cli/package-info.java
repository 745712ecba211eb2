/**
 * The commands of {@code ./veridian}: the abilities of the other bundles without a screen.
 *
 * <p>{@link org.veridianos.cli.Main} picks a {@link org.veridianos.cli.Command}; every failure becomes one line on standard
 * error that says what to do, and a status other than 0.
 */
package org.veridianos.cli;
