from aurora_mm.report.html_report import write_html_report

__all__ = ['write_html_report']
