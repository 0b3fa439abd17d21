using System.ComponentModel;
using System.Diagnostics;

namespace Stentor.Cli.Lab.Output;

/// <summary>Draws pictures with gnuplot.</summary>
/// <param name="program">Where it is.</param>
internal sealed class Gnuplot(string program)
{
    /// <summary>Finds it.</summary>
    /// <param name="around">Where programs are: the variable <c>PATH</c>.</param>
    /// <returns>Null when it is not installed.</returns>
    public static Gnuplot? Find(Surroundings around)
    {
        var name = OperatingSystem.IsWindows() ? "gnuplot.exe" : "gnuplot";
        var path = around.Variables.GetValueOrDefault("PATH", "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);
        return path is null ? null : new Gnuplot(path);
    }

    /// <summary>Writes a picture's data and script, and draws it.</summary>
    /// <param name="plot">The picture.</param>
    /// <param name="directory">Where.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LabException">It does not draw.</exception>
    public async Task DrawAsync(Plot plot, string directory, CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(Path.Combine(directory, plot.DataFile), plot.ToData(), cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(directory, plot.ScriptFile), plot.ToScript(), cancellationToken);
        var start = new ProcessStartInfo(program, [plot.ScriptFile]) { WorkingDirectory = directory, RedirectStandardError = true, UseShellExecute = false };
        try
        {
            using var process = Process.Start(start) ?? throw new LabException($"{program} could not be started.");
            var complaint = (await process.StandardError.ReadToEndAsync(cancellationToken)).Trim();
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode != 0 || !File.Exists(Path.Combine(directory, plot.PictureFile)))
            {
                throw new LabException($"gnuplot did not draw {plot.PictureFile} of {Path.Combine(directory, plot.ScriptFile)}: {complaint}");
            }
        }
        catch (Win32Exception e)
        {
            throw new LabException($"{program} could not be started: {e.Message}", e);
        }
    }
}
